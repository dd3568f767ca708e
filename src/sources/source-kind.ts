/** The services that a mapping can read from, and how a request names one (lambda-facts 8.1, 8.2). */
import { invalidParameter } from '../model/api-error.ts';
import type { SelfManagedEventSource } from '../model/types.gen.ts';

/** `msk` is Kafka behind an ARN, `kafka` a cluster that is named by its servers. `mq` is ActiveMQ or RabbitMQ. */
export type SourceKind = 'sqs' | 'kinesis' | 'dynamodb' | 'msk' | 'kafka' | 'mq' | 'documentdb';

/** What can be told of a mapping's source. */
export interface Source {
  readonly kind: SourceKind;
  /** Absent for a self-managed cluster. */
  readonly arn?: string;
  /** `host:port` of a self-managed cluster. */
  readonly servers?: readonly string[];
}

/** Service and resource of the ARNs of each kind. DocumentDB clusters go by the name of the database service. */
const arnShapes: readonly (readonly [kind: SourceKind, service: string, resource: RegExp])[] = [
  ['sqs', 'sqs', /^[\w-]{1,80}(\.fifo)?$/],
  ['kinesis', 'kinesis', /^stream\/[\w.-]+(\/consumer\/[\w.-]+:\d+)?$/],
  ['dynamodb', 'dynamodb', /^table\/[\w.-]+\/stream\/\S+$/],
  ['msk', 'kafka', /^(cluster|vpc-connection)\/\S+$/],
  ['mq', 'mq', /^broker:\S+$/],
  ['documentdb', 'rds', /^cluster:\S+$/],
];

/** Throws InvalidParameterValueException when there is no source, or none that Lambda reads from. */
export function readSource(arn: string | undefined, selfManaged: SelfManagedEventSource | undefined): Source {
  if (arn !== undefined) {
    if (selfManaged !== undefined)
      throw invalidParameter(`Unsupported 'selfManagedEventSource' parameter for given event source mapping type.`);
    return { kind: kindOfArn(arn), arn };
  }
  const servers = selfManaged?.Endpoints?.['KAFKA_BOOTSTRAP_SERVERS'];
  if (servers === undefined) throw invalidParameter('Unrecognized event source.');
  return { kind: 'kafka', servers };
}

export function isFifo({ kind, arn }: Source): boolean {
  return kind === 'sqs' && arn?.endsWith('.fifo') === true;
}

function kindOfArn(arn: string): SourceKind {
  const [, , service, , , ...resource] = arn.split(':');
  const shape = arnShapes.find(([, name, pattern]) => name === service && pattern.test(resource.join(':')));
  if (shape === undefined) throw invalidParameter(`Unrecognized event source. Unsupported source arn : ${arn}`);
  return shape[0];
}
