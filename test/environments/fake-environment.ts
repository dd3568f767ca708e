import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import { Environment } from '../../src/environments/environment.ts';
import type { EnvironmentSpec } from '../../src/environments/environment-spec.ts';
import { MetadataApi } from '../../src/environments/metadata-api.ts';
import { FunctionLog } from '../../src/logs/function-log.ts';
import { appendedLog } from '../logs/memory-log-store.ts';
import { FakeSandbox, type Program } from './fake-sandbox.ts';

const TURNS_MAX = 20_000;

/** An environment in a sandbox of the test's own programs, on a clock that moves only when told to. */
export async function fakeEnvironment(
  t: TestContext,
  programs: Readonly<Record<string, Program>>,
  more: Partial<EnvironmentSpec> = {},
) {
  const clock = new FakeClock();
  const sandbox = await FakeSandbox.open(programs);
  t.after(() => sandbox.vanish());
  const appended = appendedLog();
  const log = new FunctionLog({
    store: appended.store,
    clock,
    ids: randomIds,
    account: '000000000000',
    region: 'us-east-1',
    version: '$LATEST',
    logging: { format: 'Text', group: '/aws/lambda/f' },
  });
  const processOf = (name: string, role: 'runtime' | 'extension') => ({
    role,
    argv: [name],
    environment: {},
    cwd: '/',
  });
  const heard: string[] = [];
  const environment = new Environment({
    spec: {
      identity: { accountId: '000000000000', functionName: 'f', functionVersion: '$LATEST', handler: 'h' },
      memoryMb: 128,
      timeoutMs: 3000,
      initializationType: 'on-demand',
      process: processOf('runtime', 'runtime'),
      extensions: Object.keys(programs).filter((name) => name !== 'runtime'),
      extensionProcess: (name) => processOf(name, 'extension'),
      metadata: new MetadataApi('token', 'us-east-1'),
      ...more,
    },
    sandbox,
    log,
    clock,
    ids: randomIds,
    listener: {
      answered: () => heard.push('answered'),
      free: () => heard.push('free'),
      broken: () => heard.push('broken'),
    },
  });
  const lines = () => {
    log.flush();
    return appended.events.map(({ message }) => message).join('');
  };
  return { environment, sandbox, clock, log, lines, heard };
}

export type FakeWorld = Awaited<ReturnType<typeof fakeEnvironment>>;

/** Lets what is under way go on until `isSo`. */
export async function until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    assert.ok(turns < TURNS_MAX, `it never came that ${what}`);
    await turn();
  }
}

/** Lets everything that can go on without time go on. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await turn();
}

export const request = {
  requestId: 'request-1',
  invokedArn: 'arn',
  traceHeader: 'Root=1-0',
  payload: Buffer.from('{}'),
  tail: false,
};

const RUNTIME = '/2018-06-01/runtime/';
const EXTENSION = '/2020-01-01/extension/';
const NAME = 'lambda-extension-name';
const IDENTIFIER = 'lambda-extension-identifier';

/** A runtime that answers every event with `"ok"`, and ends when it is asked to. */
export const okRuntime: Program = (process) => {
  process.onSignal = () => process.exit({ code: 0 });
  return stubbornRuntime(process);
};

/** The same, but it takes no notice of signals. */
export const stubbornRuntime: Program = async (process) => {
  for (;;) {
    const { headers } = await process.call('GET', `${RUNTIME}invocation/next`);
    await process.call('POST', `${RUNTIME}invocation/${headers['lambda-runtime-aws-request-id']}/response`, {}, '"ok"');
  }
};

/** A program that never does anything. */
export const idle: Program = () => undefined;

/** An extension that takes events until it is told to end; each goes to `heard` first. */
export function extension(
  name: string,
  events: readonly string[],
  heard: (event: { eventType: string; deadlineMs: number }) => unknown = () => undefined,
): Program {
  return async (process) => {
    const { headers } = await process.call(
      'POST',
      `${EXTENSION}register`,
      { [NAME]: name },
      JSON.stringify({ events }),
    );
    const identifier = String(headers[IDENTIFIER]);
    for (;;) {
      const event = JSON.parse(
        (await process.call('GET', `${EXTENSION}event/next`, { [IDENTIFIER]: identifier })).body,
      );
      await heard(event);
      if (event.eventType === 'SHUTDOWN') process.exit({ code: 0 });
    }
  };
}
