import type { OperationInputs, OperationOutputs } from '../../src/model/types.gen.ts';
import { PASSING_MS } from '../../src/sources/mapping-state.ts';
import {
  ACCOUNT,
  ARN,
  createActive,
  makeWorld,
  REGION,
  type World,
  type WorldOptions,
} from '../support/function-world.ts';

export type CreateInput = Partial<OperationInputs['CreateEventSourceMapping']>;
export type Mapping = OperationOutputs['CreateEventSourceMapping'];

export const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:orders`;
export const STREAM = `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/clicks`;
export const TABLE_STREAM = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/users/stream/2025-02-22T03:03:25.490`;
export const CLUSTER = `arn:aws:kafka:${REGION}:${ACCOUNT}:cluster/main/6cc0432b-8618-4f44-bccc-e1fbd8fb7c4d-2`;
export const BROKER = `arn:aws:mq:${REGION}:${ACCOUNT}:broker:main:b-1234`;
export const DOCUMENTS = `arn:aws:rds:${REGION}:${ACCOUNT}:cluster:docs`;
export const SECRET = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:broker-a1b2c3`;
export const FUNCTION = `${ARN}:f`;
export const BASIC_AUTH = [{ Type: 'BASIC_AUTH', URI: SECRET }] as const;

/** The least that each source needs. */
export const leastOf = {
  sqs: { EventSourceArn: QUEUE },
  fifo: { EventSourceArn: `${QUEUE}.fifo` },
  kinesis: { EventSourceArn: STREAM, StartingPosition: 'LATEST' },
  dynamodb: { EventSourceArn: TABLE_STREAM, StartingPosition: 'TRIM_HORIZON' },
  msk: { EventSourceArn: CLUSTER, Topics: ['topic'] },
  kafka: {
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000'] } },
    SourceAccessConfigurations: BASIC_AUTH,
    Topics: ['topic'],
  },
  mq: { EventSourceArn: BROKER, Queues: ['jobs'], SourceAccessConfigurations: BASIC_AUTH },
  documentdb: {
    EventSourceArn: DOCUMENTS,
    StartingPosition: 'LATEST',
    SourceAccessConfigurations: BASIC_AUTH,
    DocumentDBEventSourceConfig: { DatabaseName: 'shop' },
  },
} as const satisfies Record<string, CreateInput>;

/** A world with function `f`. */
export async function mappingWorld(options: WorldOptions = {}) {
  const world = await makeWorld(options);
  await createActive(world, 'f');
  return world;
}

export function create(world: World, input: CreateInput): Promise<Mapping> {
  return world.output('CreateEventSourceMapping', { FunctionName: 'f', ...input });
}

/** Lets what passes come to its end, and the background steps be done. */
export async function settle(world: World): Promise<void> {
  world.clock.advance(PASSING_MS + 1);
  // The step reads and commits, each a turn or two of the event loop.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Creates a mapping and waits until it takes changes. */
export async function createAtRest(world: World, input: CreateInput): Promise<string> {
  const { UUID = '' } = await create(world, input);
  await settle(world);
  return UUID;
}
