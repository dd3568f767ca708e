/** The mixed load of a soak: each kind goes round in a lane of its own until it is over. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
  PublishVersionCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { tellingFunction } from '../async/ledger.ts';
import { createFunction } from '../support/functions.ts';
import { zipOf } from '../support/zip.ts';
import { createUrl } from '../urls/url-server.ts';

export interface SoakWorld {
  readonly client: LambdaClient;
  /** Where functions tell of their runs. */
  readonly ledgerUrl: string;
  /** Latencies of plain invokes, in ms, in the order in which they were made. */
  readonly latenciesMs: number[];
  /** Events that were answered 202. */
  readonly accepted: Set<number>;
  urls: { readonly buffered: string; readonly streamed: string };
}

export interface SoakLoad {
  readonly name: string;
  /** Between two rounds. */
  readonly pauseMs: number;
  readonly lanes: number;
  /** One round; throws when something did not come as it must. */
  round(world: SoakWorld, at: number): Promise<void>;
}

const ROLE = 'arn:aws:iam::000000000000:role/soak';
const ARN = 'arn:aws:lambda:us-east-1:000000000000:function';
const STREAM_BYTES = 1_000_000;
/** What is to succeed does so on a busy machine too. */
const PATIENCE_S = 60;
/** Every so many events fail, each time they are tried. */
const FAIL_EVERY = 5;

const answering = (value: number) => `export const handler = async () => ({ statusCode: 200, body: 'v${value}' });`;
const streaming = `export const handler = awslambda.streamifyResponse(async (event, stream) => {
  for (let i = 0; i < 10; i++) stream.write('x'.repeat(${STREAM_BYTES / 10}));
  stream.end();
});`;
const failing: Readonly<Record<string, { readonly code: string; readonly settings?: object }>> = {
  'fails-throwing': { code: 'export const handler = async () => { throw new Error("thrown"); };' },
  'fails-ending': { code: 'export const handler = async () => process.exit(3);' },
  'fails-late': {
    code: 'export const handler = () => new Promise(() => setTimeout(() => {}, 1e6));',
    settings: { Timeout: 1 },
  },
  'fails-large': {
    code: 'export const handler = async () => { const k = []; for (;;) k.push(Buffer.alloc(1e7, 1)); };',
  },
  'fails-early': { code: 'throw new Error("at init"); export const handler = 1;' },
};

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

/** Makes the functions that the loads use. */
export async function furnish(world: SoakWorld): Promise<void> {
  const { client, ledgerUrl } = world;
  await createFunction(client, 'plain', { files: { 'index.mjs': answering(1) }, Timeout: PATIENCE_S });
  await createFunction(client, 'streams', { files: { 'index.mjs': streaming }, Timeout: PATIENCE_S });
  await createFunction(client, 'hears', { files: tellingFunction(ledgerUrl), Timeout: 60 });
  await createFunction(client, 'works', { files: tellingFunction(ledgerUrl), Timeout: 60 });
  for (const [name, { code, settings = {} }] of Object.entries(failing))
    await createFunction(client, name, { files: { 'index.mjs': code }, ...settings });
  const hears = { Destination: `${ARN}:hears` };
  await client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'works',
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnSuccess: hears, OnFailure: hears },
    }),
  );
  world.urls = {
    buffered: await createUrl(client, 'plain'),
    streamed: await createUrl(client, 'streams', { InvokeMode: 'RESPONSE_STREAM' }),
  };
}

async function plainInvoke({ client, latenciesMs }: SoakWorld): Promise<void> {
  const began = performance.now();
  const { FunctionError, Payload } = await client.send(new InvokeCommand({ FunctionName: 'plain', Payload: '{}' }));
  latenciesMs.push(performance.now() - began);
  must(FunctionError === undefined, `plain: ${FunctionError} ${Buffer.from(Payload ?? [])}`);
}

async function sendEvent({ client, accepted }: SoakWorld, id: number): Promise<void> {
  const Payload = JSON.stringify({ id, fail: id % FAIL_EVERY === 0 });
  await client.send(new InvokeCommand({ FunctionName: 'works', InvocationType: 'Event', Payload }));
  accepted.add(id);
}

async function readStream({ client }: SoakWorld): Promise<void> {
  const { EventStream = [] } = await client.send(new InvokeWithResponseStreamCommand({ FunctionName: 'streams' }));
  let bytes = 0;
  for await (const event of EventStream) bytes += event.PayloadChunk?.Payload?.length ?? 0;
  must(bytes === STREAM_BYTES, `${bytes} bytes of a stream`);
}

async function askUrls({ urls }: SoakWorld): Promise<void> {
  must((await (await fetch(urls.buffered)).text()) === 'v1', 'a function URL answered something else');
  must((await (await fetch(urls.streamed)).text()).length === STREAM_BYTES, 'a streamed URL is short');
}

async function deployAndDelete({ client }: SoakWorld, at: number): Promise<void> {
  const FunctionName = `deployed-${at}`;
  const invoke = async () =>
    Buffer.from((await client.send(new InvokeCommand({ FunctionName }))).Payload ?? []).toString();
  const zip = (value: number) => zipOf({ 'index.mjs': answering(value) });
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: ROLE,
      Timeout: PATIENCE_S,
      Code: { ZipFile: await zip(at) },
      LoggingConfig: { LogGroup: '/soak/deployed' },
    }),
  );
  const waiting = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
  await waitUntilFunctionActiveV2(waiting, { FunctionName });
  must((await invoke()).includes(`"v${at}"`), `${FunctionName} answered something else`);
  await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: await zip(-at) }));
  await waitUntilFunctionUpdatedV2(waiting, { FunctionName });
  must((await invoke()).includes(`"v${-at}"`), `${FunctionName} answered as before its update`);
  await client.send(new PublishVersionCommand({ FunctionName }));
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, MemorySize: 256 }));
  await waitUntilFunctionUpdatedV2(waiting, { FunctionName });
  await client.send(new DeleteFunctionCommand({ FunctionName }));
}

async function fail({ client }: SoakWorld, at: number): Promise<void> {
  const names = Object.keys(failing);
  const FunctionName = names[at % names.length] ?? '';
  const { FunctionError } = await client.send(new InvokeCommand({ FunctionName }));
  must(FunctionError !== undefined, `${FunctionName} did not fail`);
}

/** A further kind of load, such as that of an event source, is a further entry. */
export const loads: readonly SoakLoad[] = [
  { name: 'sync', pauseMs: 20, lanes: 2, round: plainInvoke },
  { name: 'async', pauseMs: 100, lanes: 1, round: sendEvent },
  { name: 'streams', pauseMs: 500, lanes: 1, round: readStream },
  { name: 'urls', pauseMs: 500, lanes: 1, round: askUrls },
  { name: 'deploys', pauseMs: 1000, lanes: 1, round: deployAndDelete },
  { name: 'failures', pauseMs: 1000, lanes: 1, round: fail },
];

/** What came of a load. */
export interface LoadTally {
  readonly name: string;
  rounds: number;
  readonly errors: string[];
}

const ERRORS_KEPT_MAX = 20;

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? ` (${error.cause})` : '';
  return `${error}${cause}`;
}

/** Runs all loads until `isOver`; rounds are numbered on from call to call by `numbers`. */
export async function runLoads(
  world: SoakWorld,
  numbers: Map<string, number>,
  isOver: () => boolean,
): Promise<readonly LoadTally[]> {
  return await Promise.all(
    loads.map(async (load) => {
      const tally: LoadTally = { name: load.name, rounds: 0, errors: [] };
      const lane = async () => {
        while (!isOver()) {
          const at = (numbers.get(load.name) ?? 0) + 1;
          numbers.set(load.name, at);
          try {
            await load.round(world, at);
          } catch (error) {
            if (tally.errors.length < ERRORS_KEPT_MAX) tally.errors.push(`round ${at}: ${causeOf(error)}`);
          }
          tally.rounds++;
          await wait(load.pauseMs);
        }
      };
      await Promise.all(Array.from({ length: load.lanes }, lane));
      return tally;
    }),
  );
}
