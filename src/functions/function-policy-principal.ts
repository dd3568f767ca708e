import { type IamIdentity, invalidPrincipal } from '../access/policy-statement-principal.ts';
import { NeighbourRefusal, type Neighbours } from '../neighbours/neighbours.ts';
import { refusalOf } from '../neighbours/refusals.ts';
import type { Namespace } from '../store/namespace.ts';

/**
 * Asks IAM, where an endpoint for it is configured, whether the roles that a policy names exist.
 * Throws InvalidParameterValueException for one that IAM refuses, ServiceException when it does not answer.
 */
export async function checkPrincipalsExist(
  { iam }: Neighbours,
  { region }: Namespace,
  identities: readonly IamIdentity[],
): Promise<void> {
  if (!iam) return;
  for (const { arn, account, kind } of identities) {
    try {
      if (kind === 'role') await iam.getRole({ account, region }, arn);
      else await iam.getUser({ account, region }, arn);
    } catch (error) {
      if (error instanceof NeighbourRefusal) throw invalidPrincipal();
      throw refusalOf(error);
    }
  }
}
