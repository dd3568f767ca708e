import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../src/base/clock.ts';
import type { Ids } from '../../src/base/ids.ts';
import { KeyedMutex } from '../../src/base/mutex.ts';
import type { Preparation } from '../../src/functions/activation.ts';
import { createActivation } from '../../src/functions/activation-queue.ts';
import { codeReferences } from '../../src/functions/code-references.ts';
import { FunctionUrlAddresses } from '../../src/functions/function-url-address.ts';
import type { ProvisionedProgress } from '../../src/functions/provisioned-concurrency.ts';
import type { DeprecatedRuntimes } from '../../src/functions/runtime-support.ts';
import type { AsyncRequest } from '../../src/invoke/async-invokes.ts';
import { InvokeMetrics } from '../../src/invoke/invoke-metrics.ts';
import type { InvokeRequest, Invoker, InvokeTarget, ProvisionedWish } from '../../src/invoke/invoker.ts';
import { ApiError, type ErrorName } from '../../src/model/api-error.ts';
import type { OperationName } from '../../src/model/operations.gen.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import type { Neighbours } from '../../src/neighbours/neighbours.ts';
import { openVault } from '../../src/neighbours/vault.ts';
import { operations } from '../../src/operations/all.ts';
import type { AccountLimits, OperationContext, Services } from '../../src/operations/operation.ts';
import { createPackages } from '../../src/packages/packages.ts';
import { MappingSupervisor } from '../../src/sources/supervisor.ts';
import type { ItemOwner } from '../../src/store/event-queue.ts';
import type { Namespace } from '../../src/store/namespace.ts';
import { memoryBlobs } from './memory-blobs.ts';
import { memoryMetadata } from './memory-metadata.ts';
import { zipOf } from './zip.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';
export const ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}:function`;
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/runner`;

/** What a world's parts can be told before it is made. */
export interface WorldOptions {
  readonly preparation?: Preparation;
  readonly limits?: Partial<AccountLimits>;
  readonly deprecatedRuntimes?: DeprecatedRuntimes;
  readonly publicPolicies?: Services['publicPolicies'];
  /** Epoch milliseconds at which the world's clock stands in the beginning. */
  readonly startMs?: number;
  readonly neighbours?: Neighbours;
  readonly signingRoots?: readonly Uint8Array[];
  /** Draws for weighted aliases, one after the other. */
  readonly fractions?: readonly number[];
}

const LIMITS: AccountLimits = {
  concurrentExecutions: 1000,
  unreservedConcurrencyMin: 100,
  totalCodeSizeBytes: 80_530_636_800,
  codeSizeUnzippedBytes: 262_144_000,
  codeSizeZippedBytes: 52_428_800,
};

function countingIds(fractions: readonly number[]): Ids {
  let count = 0;
  let draws = 0;
  return {
    uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    hex: (digits) => String(++count).padStart(digits, '0'),
    fraction: () => fractions[draws++ % fractions.length] ?? 0,
  };
}

/** Keeps what it was asked for and answers the same each time; the real one is tested elsewhere. */
class RecordingInvoker implements Invoker {
  readonly invoked: { readonly target: InvokeTarget; readonly request: InvokeRequest }[] = [];
  readonly retired: string[] = [];

  async invoke(target: InvokeTarget, request: InvokeRequest) {
    this.invoked.push({ target, request });
    return { payload: Buffer.from('"ok"'), executedVersion: target.version.version, traceHeader: 'Root=1-0' };
  }

  trace(_target: InvokeTarget, { traceHeader: given }: { readonly traceHeader?: string }): string {
    return given ?? 'Root=1-0';
  }

  eventTrace(_target: InvokeTarget, given: string | undefined) {
    return { kept: given ?? 'Root=1-0', told: given ?? 'Root=1-0' };
  }

  retire(_account: string, _region: string, functionName: string, version?: string): void {
    this.retired.push(version === undefined ? functionName : `${functionName}:${version}`);
  }

  /** By function: `qualifier: version × count`. */
  readonly wishes = new Map<string, readonly string[]>();
  /** What `provisioned` answers, by qualifier. */
  readonly progress = new Map<string, ProvisionedProgress>();

  provision(_namespace: Namespace, functionName: string, wishes: readonly ProvisionedWish[]): void {
    const lines = wishes.map(({ qualifier, version, count }) => `${qualifier}: ${version.version} × ${count}`);
    this.wishes.set(functionName, lines);
  }

  provisioned(_namespace: Namespace, _functionName: string, qualifier: string): ProvisionedProgress | undefined {
    return this.progress.get(qualifier);
  }

  async close(): Promise<void> {}
}

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** The services on stores in memory, a fake clock, and an invoker that only keeps record, with what they were told. */
async function makeServices(options: WorldOptions) {
  const { neighbours = {}, deprecatedRuntimes = 'refuse', publicPolicies = 'allow' } = options;
  const accepted: { readonly owner: ItemOwner; readonly request: AsyncRequest }[] = [];
  const clock = new FakeClock(options.startMs);
  const ids = countingIds(options.fractions ?? [0]);
  const metadata = memoryMetadata();
  const locks = new KeyedMutex();
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-functions-'));
  const limits = { ...LIMITS, ...options.limits };
  const blobs = memoryBlobs(() => clock.now());
  const secret = Buffer.from('a secret of this test');
  const vault = openVault(Buffer.alloc(32, 1), { kms: neighbours.kms, clock });
  const references = () => codeReferences(metadata);
  const packages = createPackages({ blobs, references, directory, clock, secret, vault, ...limits });
  const invoker = new RecordingInvoker();
  const metrics = new InvokeMetrics();
  const [reported, inert, notes]: [unknown[], string[], string[]] = [[], [], []];
  const preparation = options.preparation ?? {
    prepare: async ({ code }) => void (await packages.unpackCode(code)),
  };
  const report = (error: unknown) => reported.push(error);
  const activation = createActivation({ metadata, locks, clock, ids, preparation, report });
  const sources = new MappingSupervisor({
    ...{ metadata, invoker, clock, ids, vault },
    note: () => {},
    adapters: {},
    deliveries: {},
  });
  const services: Services = {
    metadata,
    packages,
    activation,
    invoker,
    urls: new FunctionUrlAddresses(undefined, 2016),
    asyncInvokes: {
      async accept(owner: ItemOwner, request: AsyncRequest) {
        accepted.push({ owner, request });
      },
    },
    neighbours,
    sources,
    metrics,
    signingRoots: options.signingRoots ?? [],
    note: (line) => void notes.push(line),
    inert: { note: (neighbour, what, where) => void inert.push(`${neighbour} ${what} ${where}`) },
    vault,
    clock,
    ids,
    locks,
    limits,
    deprecatedRuntimes,
    publicPolicies,
  };
  return {
    services,
    sources,
    clock,
    metadata,
    blobs,
    packages,
    invoker,
    accepted,
    activation,
    directory,
    reported,
    inert,
    notes,
  };
}

/** The operations on services of their own. */
export async function makeWorld(options: WorldOptions = {}) {
  const parts = await makeServices(options);
  const context: OperationContext = {
    requestId: 'request-1',
    caller: { account: ACCOUNT, accessKeyId: 'AKIDEXAMPLE' },
    account: ACCOUNT,
    region: REGION,
    origin: 'http://127.0.0.1:2015',
    signal: new AbortController().signal,
    services: parts.services,
  };

  /** Runs an operation as the pipeline would; `as` replaces parts of the context. */
  function call<Name extends OperationName>(
    name: Name,
    input: OperationInputs[Name],
    as: Partial<OperationContext> = {},
  ) {
    return operations[name]({ ...context, ...as }, input);
  }

  async function output<Name extends OperationName>(name: Name, input: OperationInputs[Name]) {
    return (await call(name, input)).output;
  }

  async function close() {
    await parts.activation.idle();
    await rm(parts.directory, { recursive: true, force: true });
  }

  return { ...parts, call, output, close };
}

/** A zip with one handler; other `text`, other digest. */
export function handlerZip(text = 'exports.handler = async () => 1;'): Promise<Buffer> {
  return zipOf({ 'index.js': text });
}

/** Makes a function and waits until it is Active. */
export async function createActive(
  world: World,
  name: string,
  more: Partial<OperationInputs['CreateFunction']> = {},
): Promise<void> {
  await world.call('CreateFunction', {
    FunctionName: name,
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Role: ROLE,
    Code: { ZipFile: await handlerZip() },
    ...more,
  });
  await world.activation.idle();
}

/** Expects an ApiError of this name and text. */
export async function rejects(promise: Promise<unknown>, name: ErrorName, message: string | RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof ApiError, `not an ApiError: ${error}`);
    assert.equal(error.name, name, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}
