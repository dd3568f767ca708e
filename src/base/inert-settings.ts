/** Which settings of a function point at a service that is not there, and so are kept and have no effect. */
import { type Endpoints, endpointVariable, type NeighbourName } from './endpoints.ts';

/** The members of a function's configuration that point at other services, in AWS's shape. */
export interface PointingSettings {
  readonly VpcConfig?: unknown;
  readonly DeadLetterConfig?: unknown;
  readonly KMSKeyArn?: unknown;
  readonly SourceKMSKeyArn?: unknown;
  readonly TracingConfig?: unknown;
}

export interface InertSetting {
  /** `tracing`: wherever segments of traces go. */
  readonly neighbour: NeighbourName | 'tracing';
  /** The member's name, as a user would look for it: `VpcConfig`. */
  readonly setting: string;
}

/**
 * In the order of AWS's documentation. The role is not among them: each function has one, and without IAM it does for
 * every function what it does for the others. Nor is FileSystemConfigs: a file system without a directory refuses invokes.
 */
export function inertSettingsOf(settings: PointingSettings, endpoints: Endpoints, isTracing: boolean): InertSetting[] {
  const pointing: (InertSetting | undefined)[] = [
    isAttached(settings.VpcConfig) ? { neighbour: 'ec2', setting: 'VpcConfig' } : undefined,
    deadLetters(settings.DeadLetterConfig),
    settings.KMSKeyArn ? { neighbour: 'kms', setting: 'KMSKeyArn' } : undefined,
    settings.SourceKMSKeyArn ? { neighbour: 'kms', setting: 'SourceKMSKeyArn' } : undefined,
    isActive(settings.TracingConfig) ? { neighbour: 'tracing', setting: 'TracingConfig' } : undefined,
  ];
  const isThere = ({ neighbour }: InertSetting) =>
    neighbour === 'tracing' ? isTracing : endpoints[neighbour] !== undefined;
  return pointing.filter((one) => one !== undefined && !isThere(one)) as InertSetting[];
}

const DESTINATION_NEIGHBOURS: Readonly<Record<string, NeighbourName>> = {
  sqs: 'sqs',
  sns: 'sns',
  s3: 's3',
  events: 'eventbridge',
};

/** The service that must have an endpoint for this destination; none for functions, which are lambdad's own. */
export function neighbourOf(arn: string): NeighbourName | undefined {
  return DESTINATION_NEIGHBOURS[arn.split(':')[2] ?? ''];
}

/** Of the destinations of asynchronous invokes, given by their ARNs. */
export function inertDestinationsOf(arns: readonly (string | undefined)[], endpoints: Endpoints): InertSetting[] {
  const neighbours = new Set(arns.map((arn) => (arn === undefined ? undefined : neighbourOf(arn))));
  return [...neighbours]
    .filter((neighbour) => neighbour !== undefined && endpoints[neighbour] === undefined)
    .map((neighbour) => ({ neighbour: neighbour as NeighbourName, setting: 'DestinationConfig' }));
}

/** `VpcConfig is kept and has no effect: AWS_ENDPOINT_URL_EC2 is not set` */
export function inertText({ neighbour, setting }: InertSetting): string {
  const missing =
    neighbour === 'tracing'
      ? 'neither --xray-daemon nor --otlp-endpoint is set'
      : `${endpointVariable(neighbour)} is not set`;
  return `${setting} is kept and has no effect: ${missing}`;
}

/** Emptied, but there: what a function that left its VPC has. */
function isAttached(vpcConfig: unknown): boolean {
  const { SubnetIds, SecurityGroupIds } = Object(vpcConfig) as { SubnetIds?: unknown; SecurityGroupIds?: unknown };
  return isFilled(SubnetIds) || isFilled(SecurityGroupIds);
}

/** PassThrough points nowhere: what the caller decides goes on with the trace header. */
function isActive(tracingConfig: unknown): boolean {
  return (Object(tracingConfig) as { readonly Mode?: unknown }).Mode === 'Active';
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0;
}

function deadLetters(config: unknown): InertSetting | undefined {
  const { TargetArn } = Object(config) as { TargetArn?: unknown };
  if (typeof TargetArn !== 'string' || TargetArn === '') return undefined;
  return { neighbour: TargetArn.split(':')[2] === 'sns' ? 'sns' : 'sqs', setting: 'DeadLetterConfig' };
}
