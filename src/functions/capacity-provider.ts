/** Capacity providers, of which lambdad runs none: what is asked of one is asked of one that does not exist. */
import { lambdaArn } from '../base/arn.ts';
import { type ApiError, notFound } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';

/** ARN of the provider that a caller names by its name or by ARN. */
export function capacityProviderArn({ account, region }: Namespace, nameOrArn: string): string {
  return nameOrArn.includes(':') ? nameOrArn : lambdaArn(region, account, `capacity-provider:${nameOrArn}`);
}

/** AWS's answer to every question about a provider that does not exist. */
export function capacityProviderNotFound(namespace: Namespace, nameOrArn: string): ApiError {
  return notFound(`Capacity provider not found: ${capacityProviderArn(namespace, nameOrArn)}`);
}
