/** A server of lambdad, a server of Kinesis and a ledger, as tests through public doors use them together. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  type EventSourceMappingConfiguration,
  GetEventSourceMappingCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { type Entry, type Ledger, startLedger } from '../async/ledger.ts';
import { type KinesisLocal, startKinesisLocal } from '../support/kinesis-local.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Calls, callsOf } from './aws-double.ts';

const WAIT_MS_MAX = 60_000;
const LOOK_MS = 100;

export type Mapping = Omit<CreateEventSourceMappingCommandInput, 'FunctionName' | 'EventSourceArn'>;

export class KinesisWorld {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'lambdad-kinesis-'));
  readonly #env: Readonly<Record<string, string>>;
  readonly #args: readonly string[];
  kinesis!: KinesisLocal;
  calls!: Calls;
  ledger!: Ledger;
  server!: TestServer;
  client!: LambdaClient;

  private constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#args = args;
    this.#env = env;
  }

  /** `env`: beside the endpoint of Kinesis. */
  static async start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<KinesisWorld> {
    const world = new KinesisWorld(args, env);
    [world.kinesis, world.ledger] = await Promise.all([startKinesisLocal(), startLedger()]);
    world.calls = callsOf(world.kinesis.url, 'kinesis', '000000000000');
    await world.startServer();
    return world;
  }

  /** Again, with the same data. */
  async startServer(env: Readonly<Record<string, string | undefined>> = {}): Promise<void> {
    this.server = await startTestServer({
      dataDir: this.dataDir,
      args: ['--sandbox', 'process', ...this.#args],
      env: { AWS_ENDPOINT_URL_KINESIS: this.kinesis.url, ...this.#env, ...env },
    });
    this.client = this.server.client();
  }

  async stop(): Promise<void> {
    await this.server?.stop();
    await Promise.all([this.kinesis?.stop(), this.ledger?.close()]);
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Resolves with the ARN of a stream that is ACTIVE. */
  async stream(StreamName: string, ShardCount = 1): Promise<string> {
    await this.calls('CreateStream', { StreamName, ShardCount });
    let arn = '';
    await until(`stream ${StreamName}`, async () => {
      const { StreamDescriptionSummary: summary } = (await this.calls('DescribeStreamSummary', { StreamName })) as {
        StreamDescriptionSummary: { StreamStatus: string; StreamARN: string };
      };
      arn = summary.StreamARN;
      return summary.StreamStatus === 'ACTIVE';
    });
    return arn;
  }

  async put(StreamName: string, texts: readonly string[], key: (text: string) => string = () => 'k'): Promise<void> {
    for (const text of texts)
      await this.calls('PutRecord', {
        StreamName,
        PartitionKey: key(text),
        Data: Buffer.from(text).toString('base64'),
      });
  }

  async map(FunctionName: string, EventSourceArn: string, settings: Mapping = {}): Promise<string> {
    const input = { FunctionName, EventSourceArn, StartingPosition: 'TRIM_HORIZON', ...settings } as const;
    const { UUID = '' } = await this.client.send(new CreateEventSourceMappingCommand(input));
    return UUID;
  }

  mapping(UUID: string): Promise<EventSourceMappingConfiguration> {
    return this.client.send(new GetEventSourceMappingCommand({ UUID }));
  }

  /** Resolves with the mapping when it is so. */
  async mappingWhen(UUID: string, isSo: (mapping: EventSourceMappingConfiguration) => boolean) {
    let mapping: EventSourceMappingConfiguration = {};
    await until(
      () => JSON.stringify(mapping),
      async () => {
        mapping = await this.mapping(UUID);
        return isSo(mapping);
      },
    );
    return mapping;
  }

  /** What the runs of the function were given, in order. */
  runs(functionName: string): string[][] {
    return this.ledger.entries.filter((entry) => entry.functionName === functionName).map(textsOf);
  }

  async runsWhen(functionName: string, isSo: (runs: string[][]) => boolean): Promise<string[][]> {
    await this.ledger.until(() => isSo(this.runs(functionName)));
    return this.runs(functionName);
  }
}

/** The data of the records of one run. */
export function textsOf({ event }: Entry): string[] {
  const { Records } = event as { Records: readonly { readonly kinesis: { readonly data: string } }[] };
  return Records.map(({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString());
}

export async function until(what: string | (() => string), isSo: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`not so in time: ${typeof what === 'string' ? what : what()}`);
}
