/**
 * What neighbours refuse, in AWS Lambda's words: the one place that turns their failures into errors of this API.
 * S3's and EC2's texts are recorded (lambda-facts 15), the KMS family's are the model's, completed with what KMS said.
 */
import { ApiError, type ErrorName, invalidParameter } from '../model/api-error.ts';
import { type NeighbourName, NeighbourRefusal, NeighbourUnreachable } from './neighbours.ts';
import { KeyUnusable } from './vault.ts';

/** The ApiError for a failure of a neighbour or of a key; every other error as it came. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof KeyUnusable) return keyRefusal(error);
  if (error instanceof NeighbourUnreachable) return new ApiError('ServiceException', error.message);
  if (error instanceof NeighbourRefusal) return neighbourRefusal(error);
  return error;
}

/** What `asked` resolves with; rejects as refusalOf says. */
export async function orRefusal<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw refusalOf(error);
  }
}

/** As answers show variables that cannot be read: the member Error of a function's environment. */
export function environmentError(error: KeyUnusable): { readonly ErrorCode: string; readonly Message: string } {
  const Message =
    error.reason === 'AccessDenied'
      ? `Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions. ${keySaid(error)}`
      : decryptText(error);
  return { ErrorCode: error.kmsCode, Message };
}

/** As GetFunction shows a package whose key cannot be used: the member Error of its code, in place of a link. */
export function codeError(error: KeyUnusable): { readonly ErrorCode: string; readonly Message: string } {
  const Message =
    error.reason === 'AccessDenied'
      ? `KMS access is denied. Check your KMS permissions. ${keySaid(error)}`
      : decryptText(error);
  return { ErrorCode: error.kmsCode, Message };
}

const ROLE_TEXT = 'The role defined for the function cannot be assumed by Lambda.';

/** The role cannot be used: IAM does not know it, or it does not trust Lambda. */
export function roleRefusal(): ApiError {
  return invalidParameter(ROLE_TEXT);
}

/** Security groups of another VPC than the subnets are in, or of several. Throws InvalidParameterValueException. */
export function checkGroupsVpc(vpcId: string, groupVpcIds: readonly string[] = [vpcId]): void {
  if (groupVpcIds.some((id) => id !== vpcId))
    throw invalidParameter('Security Groups are required to be in the same VPC.');
}

/** As AWS Lambda writes the services in its texts. */
const TITLES: Readonly<Record<NeighbourName, string>> = {
  s3: 'S3',
  kms: 'KMS',
  ec2: 'EC2',
  iam: 'IAM',
  efs: 'EFS',
  signer: 'Signer',
  sqs: 'SQS',
  sns: 'SNS',
  kinesis: 'Kinesis',
  'dynamodb-streams': 'DynamoDB',
  eventbridge: 'EventBridge',
  sts: 'STS',
};

const DENIALS: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthFailure',
  'AuthorizationError',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'UnauthorizedOperation',
]);

function neighbourRefusal(refusal: NeighbourRefusal): ApiError {
  const { neighbour, operation, code, message, resource, isFault } = refusal;
  const title = TITLES[neighbour];
  const said = `${title} Error Code: ${code}. ${title} Error Message: ${message}`;
  // These are lambdad's own questions: Lambda's callers need no permission for them.
  const isOurs = neighbour === 'kms' || neighbour === 'iam' || neighbour === 'sts';
  // STS says no more of a role that is not there than of one that does not trust the caller.
  if (neighbour === 'sts' && code === 'AccessDenied') return new ApiError('AccessDeniedException', ROLE_TEXT);
  if (neighbour === 'iam' && code === 'NoSuchEntity') return roleRefusal();
  if (isFault || isOurs) return new ApiError('ServiceException', `Error occurred while ${operation}. ${said}`);
  if (!DENIALS.has(code)) return invalidParameter(`Error occurred while ${operation}. ${said}`);
  const what = resource === undefined ? operation : `${operation} for ${resource}`;
  return new ApiError(
    'AccessDeniedException',
    `Your access has been denied by ${title}, please make sure your request credentials have permission to ${what}. ${said}`,
  );
}

const KEY_ERRORS: Readonly<Record<KeyUnusable['reason'], ErrorName>> = {
  AccessDenied: 'KMSAccessDeniedException',
  Disabled: 'KMSDisabledException',
  InvalidState: 'KMSInvalidStateException',
  NotFound: 'KMSNotFoundException',
};

const KEY_REASONS: Readonly<Record<KeyUnusable['reason'], string>> = {
  AccessDenied: 'KMS access was denied',
  Disabled: 'the KMS key used is disabled',
  InvalidState: 'the state of the KMS key used is not valid for Decrypt',
  NotFound: 'the KMS key was not found',
};

/** A key that is no good for sealing is a bad parameter; one that no longer opens is a fault of the function's state. */
function keyRefusal(error: KeyUnusable): ApiError {
  if (error.use === 'open') return new ApiError(KEY_ERRORS[error.reason], decryptText(error));
  return invalidParameter(
    `Lambda was unable to configure access to your ${error.what} because the KMS key is invalid for GenerateDataKey. Please check your KMS key settings. ${keySaid(error)}`,
  );
}

function decryptText(error: KeyUnusable): string {
  return `Lambda was unable to decrypt the ${error.what} because ${KEY_REASONS[error.reason]}. Please check the function's KMS key settings. ${keySaid(error, '')}`;
}

/** AWS leaves no space between the two when it cannot decrypt, and one when it cannot set up the key (seen 2019 to 2025). */
function keySaid({ kmsCode, message }: KeyUnusable, between: '' | ' ' = ' '): string {
  return `KMS Exception: ${kmsCode}${between}KMS Message: ${message}`;
}
