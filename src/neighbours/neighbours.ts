/**
 * The port to the AWS services that a setting can point at.
 *
 * One rule for all of them: where an endpoint for the service is configured (AWS_ENDPOINT_URL_<SERVICE>), it is asked,
 * and what it refuses becomes the error that AWS Lambda gives; where none is, its member here is undefined, the setting
 * is accepted, kept and inert. No refusal is ever made up.
 */
import type { NeighbourName } from '../base/endpoints.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import type { Namespace } from '../store/namespace.ts';

export type { NeighbourName } from '../base/endpoints.ts';

/** The service answered with an error. */
export class NeighbourRefusal extends Error {
  readonly neighbour: NeighbourName;
  /** As the service's API calls it: `GetObject`. */
  readonly operation: string;
  /** The service's own error code: `NoSuchBucket`. */
  readonly code: string;
  /** What was asked about, as Lambda's texts name it: `bucket/key`, a subnet's id. */
  readonly resource: string | undefined;
  /** The service blames itself: the same question may be answered later. */
  readonly isFault: boolean;

  constructor(
    neighbour: NeighbourName,
    operation: string,
    code: string,
    message: string,
    { resource, isFault = false }: { readonly resource?: string | undefined; readonly isFault?: boolean } = {},
  ) {
    super(message);
    this.neighbour = neighbour;
    this.operation = operation;
    this.code = code;
    this.resource = resource;
    this.isFault = isFault;
  }
}

/** The service did not answer, or not in time. */
export class NeighbourUnreachable extends Error {}

/**
 * The configured neighbours. Every method rejects with NeighbourRefusal or NeighbourUnreachable, each within a bounded
 * time; the namespace says for which account's region it asks.
 */
export interface Neighbours {
  readonly s3?: ObjectStore;
  readonly kms?: KeyService;
  readonly ec2?: Networks;
  readonly iam?: Roles;
  readonly efs?: FileSystems;
  readonly signer?: Signers;
  readonly sqs?: Queues;
  readonly sns?: Topics;
  readonly kinesis?: Streams;
  readonly 'dynamodb-streams'?: Streams;
  readonly eventbridge?: EventBuses;
  readonly sts?: RoleSessions;
}

export interface ObjectStore {
  /**
   * Refused by the caller's limit as soon as more than `bytesMax` have come: then undefined. Objects in hand are bounded
   * together, so every one must be released.
   */
  getObject(
    namespace: Namespace,
    object: { readonly bucket: string; readonly key: string; readonly version?: string },
    bytesMax: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly version?: string; release(): void } | undefined>;
}

export interface KeyService {
  /** A new 32-byte data key, and the same wrapped under the KMS key. */
  generateDataKey(
    namespace: Namespace,
    keyArn: string,
    context: Readonly<Record<string, string>>,
  ): Promise<{ readonly plain: Uint8Array; readonly wrapped: Uint8Array }>;
  unwrap(
    namespace: Namespace,
    keyArn: string,
    wrapped: Uint8Array,
    context: Readonly<Record<string, string>>,
  ): Promise<Uint8Array>;
}

export interface Networks {
  /** Resolves with the VPC of the first subnet, and with all that the subnets are in. */
  describeSubnets(
    namespace: Namespace,
    subnetIds: readonly string[],
  ): Promise<{ readonly vpcId: string; readonly vpcIds?: readonly string[] }>;
  /** Resolves with the VPCs that the groups are in, where it is known. */
  describeSecurityGroups(
    namespace: Namespace,
    groupIds: readonly string[],
  ): Promise<{ readonly vpcIds: readonly string[] } | undefined>;
}

export interface Roles {
  getRole(namespace: Namespace, roleArn: string): Promise<{ readonly trustPolicy: string }>;
  /** Resolves when the user is there: the principal of a permission. */
  getUser(namespace: Namespace, userArn: string): Promise<void>;
}

export interface FileSystems {
  describeAccessPoint(namespace: Namespace, accessPointArn: string): Promise<void>;
}

export interface Signers {
  /** The states that a signing profile version can be in. */
  getSigningProfile(
    namespace: Namespace,
    profileVersionArn: string,
  ): Promise<{ readonly status: 'Active' | 'Canceled' | 'Revoked' }>;
}

export interface Queues {
  /** Resolves when the queue is there; its attributes as SQS names them. */
  getQueue(namespace: Namespace, queueArn: string): Promise<Readonly<Record<string, string>>>;
}

export interface Topics {
  getTopic(namespace: Namespace, topicArn: string): Promise<void>;
}

/** The configured neighbours that something is sent to; each method as those of Neighbours. */
/**
 * Who asks: with the credentials that stand for the namespace, or, where sessions of roles are to be had, as a function
 * in its role.
 */
export interface Asker extends Namespace {
  readonly actingAs?: { readonly functionName: string; readonly roleArn: string };
}

export interface Recipients {
  readonly sqs?: QueueRecipient;
  readonly sns?: TopicRecipient;
  readonly s3?: BucketRecipient;
  readonly eventbridge?: EventBuses;
}

/** Message attributes by name. */
export type MessageAttributes = Readonly<
  Record<string, { readonly type: 'String' | 'Number'; readonly value: string }>
>;

export interface QueueRecipient {
  sendMessage(asker: Asker, queueArn: string, body: string, attributes: MessageAttributes): Promise<void>;
}

export interface TopicRecipient {
  publish(asker: Asker, topicArn: string, message: string, attributes: MessageAttributes): Promise<void>;
}

export interface BucketRecipient {
  putObject(asker: Asker, object: { readonly bucket: string; readonly key: string }, bytes: Uint8Array): Promise<void>;
}

export interface EventBuses {
  /** Resolves when the bus has taken the event. `detail`: JSON. */
  putEvent(
    asker: Asker,
    busArn: string,
    event: {
      readonly source: string;
      readonly detailType: string;
      readonly resources: readonly string[];
      readonly detail: string;
      /** Epoch milliseconds. */
      readonly timeMs: number;
    },
  ): Promise<void>;
}

export interface Streams {
  describeStream(namespace: Namespace, streamArn: string): Promise<void>;
}

export interface RoleSessions {
  /** A new session of the role. `expiresAtMs`: epoch milliseconds. */
  assumeRole(
    namespace: Namespace,
    roleArn: string,
    sessionName: string,
  ): Promise<{ readonly credentials: Required<Credentials>; readonly expiresAtMs: number }>;
}

/** Notes, once each, that a setting points at a neighbour that is not there. */
export interface InertSettings {
  /** `what` as a user would look for it: `VpcConfig`; `where` the function's or the mapping's ARN. */
  note(neighbour: NeighbourName, what: string, where: string): void;
}
