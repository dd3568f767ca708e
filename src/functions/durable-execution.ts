/**
 * Durable executions, of which there are none: lambdad makes no durable functions. AWS's texts for executions and
 * callbacks that do not exist were not recorded; these follow the form of its other ones.
 */
import { type ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import { parseReference } from './function-name.ts';

const EXECUTION_PART = '/durable-execution/';

/** Throws what parseReference throws for an execution of another region or account. */
export function executionNotFound(namespace: Namespace, executionArn: string): ApiError {
  checkExecutionArn(namespace, executionArn);
  return notFound(`Durable execution not found: ${executionArn}`);
}

/** No checkpoint token is one of ours; the runtime's side of the protocol knows no other refusal than this. */
export function checkpointTokenInvalid(namespace: Namespace, executionArn: string): ApiError {
  checkExecutionArn(namespace, executionArn);
  return invalidParameter('Invalid Checkpoint Token');
}

export function callbackNotFound(callbackId: string): ApiError {
  return notFound(`Callback not found: ${callbackId}`);
}

function checkExecutionArn(namespace: Namespace, executionArn: string): void {
  const [functionArn = ''] = executionArn.split(EXECUTION_PART);
  parseReference(namespace, functionArn);
}
