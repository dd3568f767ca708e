import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import type { EnvironmentAnswer, EnvironmentRequest } from '../environments/conversation.ts';
import { type Environment, EnvironmentLost } from '../environments/environment.ts';
import type { TakenConcurrency } from '../functions/concurrency-watch.ts';
import type { ProvisionedProgress } from '../functions/provisioned-concurrency.ts';
import type { VersionBody } from '../functions/records.ts';
import { ApiError } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';
import { Concurrency, type FunctionUse, type Slot } from './concurrency.ts';
import type { FunctionMetrics } from './function-metrics.ts';
import type { EnvironmentCount, InvokeMetrics } from './invoke-metrics.ts';
import {
  type EventTrace,
  headerOf,
  type InvokeOutcome,
  type InvokeRequest,
  type Invoker,
  type InvokeTarget,
  type InvokeTrace,
  type ProvisionedWish,
} from './invoker.ts';
import { withFirstPassage, withPassage } from './lineage.ts';
import type { Pool } from './pool.ts';
import { ProvisionedEnvironments } from './provisioned-environments.ts';
import { ShortWait } from './short-wait.ts';
import { Spares } from './spares.ts';
import { readTraceHeader, traceHeaderOf, withoutParent } from './trace-header.ts';
import type { Tracing } from './tracing.ts';
import type { VersionPool } from './version-pool.ts';

/** An event without bytes counts as an empty object (lambda-facts 7.1). */
const EMPTY_EVENT = Buffer.from('{}');
const CLOSE_LOOK_MS = 20;
/** Environments that an invoke tries when sandboxes fail before the function saw anything of it. */
const ATTEMPTS_MAX = 3;
/** Pools of one function from which on those of tenants without environments are looked for and dropped. */
const TENANT_POOLS_KEPT = 100;

export interface LocalInvokerOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Of one account's region. */
  readonly concurrency: number;
  readonly taken: TakenConcurrency;
  readonly metrics: InvokeMetrics;
  readonly requestRate: boolean;
  readonly scalingRate: number;
  /** Whether environments are initialized before anybody calls, for versions that are called concurrently. */
  readonly spares?: boolean;
  /** Undefined where segments go nowhere: then nothing is sampled that the caller does not sample. */
  readonly tracing?: Tracing | undefined;
}

type AskedTrace = Parameters<Invoker['trace']>[1];

/** The invoker of one machine: a slot, an environment, the answer. */
export class LocalInvoker implements Invoker {
  readonly #options: LocalInvokerOptions;
  readonly #concurrency: Concurrency;
  readonly #provisioned: ProvisionedEnvironments;
  readonly #spares: Spares | undefined;
  /** A version as it was read from the store stays the same object while nothing changes: the hot path's look-up. */
  readonly #byVersion = new WeakMap<VersionBody, VersionPool>();
  readonly #byName = new Map<string, Map<string, VersionPool>>();
  readonly #nextCall: ShortWait;
  readonly #result: ShortWait;
  #running = 0;
  #closed = false;

  constructor(options: LocalInvokerOptions) {
    this.#options = options;
    this.#concurrency = new Concurrency({ ...options, limit: options.concurrency });
    this.#nextCall = new ShortWait(options.clock);
    this.#result = new ShortWait(options.clock);
    if (options.spares === true) this.#spares = new Spares(options);
    this.#provisioned = new ProvisionedEnvironments({
      pool: options.pool,
      clock: options.clock,
      poolOf: ({ account, region }, version) => this.#poolOf({ account, region, version }),
    });
  }

  /** Not async: on the warm path there is one promise for all of it, that of the environment's answer. */
  invoke(target: InvokeTarget, request: InvokeRequest): Promise<InvokeOutcome> {
    let ran: Running;
    try {
      ran = this.#begin(target, request);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#run(ran).then(
      (outcome) => {
        this.#end(ran);
        if (typeof ran.trace !== 'string') ran.trace.answered(request, outcome);
        return outcome;
      },
      (error: unknown) => {
        this.#end(ran);
        refused(ran, error);
        throw error;
      },
    );
  }

  /** Nothing is awaited from here until an idle environment is taken: it is the one that was counted. */
  #begin(target: InvokeTarget, request: InvokeRequest): Running {
    if (this.#closed) throw new ApiError('ServiceException', 'lambdad is shutting down.');
    const { account, region, version, reservedConcurrency: reserved } = target;
    const use = this.#concurrency.useOf(account, region, version.functionName);
    const trace = request.trace ?? this.#trace(target, request, use);
    const versionPool = this.#poolOf(target);
    try {
      const slot = this.#concurrency.take(use, {
        reserved,
        isProvisioned: hasIdleKept(versionPool),
        provisioned: reserved === undefined ? 0 : this.#provisioned.allocated(target, version.functionName),
      });
      this.#nextCall.end();
      // One at a time is waited for: of several there is always one that comes.
      if (this.#running++ > 0) this.#result.end();
      return { target, request, use, trace, slot };
    } catch (error) {
      refused({ request, use, trace }, error);
      throw error;
    }
  }

  #end({ use, slot }: Running): void {
    this.#result.end();
    if (--this.#running === 0) this.#nextCall.begin();
    this.#concurrency.release(use, slot);
  }

  trace(target: InvokeTarget, request: AskedTrace): InvokeTrace {
    const { account, region, version } = target;
    return this.#trace(target, request, this.#concurrency.useOf(account, region, version.functionName));
  }

  eventTrace(target: InvokeTarget, given: string | undefined): EventTrace {
    const { account, region, version } = target;
    const header = this.#header(target, given);
    const { mark } = this.#concurrency.useOf(account, region, version.functionName);
    const told = withPassage(header, mark).header;
    // Segments name a parent only where the caller has one.
    const isOurs = header.includes('Sampled=1') && readTraceHeader(given)?.parent === undefined;
    return { kept: isOurs ? withoutParent(header) : header, told };
  }

  retire(account: string, region: string, functionName: string, version?: string): void {
    if (version === undefined) this.#concurrency.forget(account, region, functionName);
    const name = `${account}/${region}/${functionName}`;
    const pools = this.#byName.get(name);
    if (!pools) return;
    for (const [key, pool] of pools) {
      if (version !== undefined && pool.target.version.version !== version) continue;
      this.#options.pool.retire(pool);
      pools.delete(key);
    }
    if (pools.size === 0) this.#byName.delete(name);
  }

  provision({ account, region }: Namespace, functionName: string, wishes: readonly ProvisionedWish[]): void {
    this.#provisioned.set({ account, region }, functionName, wishes);
  }

  provisioned(namespace: Namespace, functionName: string, qualifier: string): ProvisionedProgress | undefined {
    return this.#provisioned.progress(namespace, functionName, qualifier);
  }

  /** Everything that is counted here, as it stands. */
  families(): readonly MetricFamily[] {
    const environments: EnvironmentCount[] = [];
    for (const pools of this.#byName.values())
      for (const { target, all, idle, kept } of pools.values()) {
        const { account, region, version } = target;
        const counts = { idle: idle.length, busy: all.size - idle.length, provisioned: kept.size };
        environments.push({ account, region, functionName: version.functionName, ...counts });
      }
    return [...this.#options.metrics.families(environments), ...this.#concurrency.families()];
  }

  async close(budgetMs: number): Promise<void> {
    this.#closed = true;
    this.#provisioned.close();
    const { clock, pool } = this.#options;
    const until = clock.monotonic() + budgetMs;
    while (this.#running > 0 && clock.monotonic() < until)
      await new Promise<void>((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
    await pool.close();
  }

  /** Throws RecursiveInvocationException for a chain of invokes that has come this way too often. */
  #trace(target: InvokeTarget, request: AskedTrace, use: FunctionUse): InvokeTrace {
    const { traceHeader: given } = request;
    const { tracing } = this.#options;
    const begun = this.#header(target, given);
    if (given === undefined) {
      const first = withFirstPassage(begun, use.mark);
      return tracing?.begin(target, first, given) ?? first;
    }
    const { header, isLoop } = withPassage(begun, use.mark);
    if (!isLoop || target.recursiveLoop === 'Allow') return tracing?.begin(target, header, given) ?? header;
    use.metrics.recursionsDropped++;
    const error = recursiveInvocation();
    tracing?.begin(target, header, given)?.refused(request, error);
    throw error;
  }

  #header(target: InvokeTarget, given: string | undefined): string {
    const { clock, ids, tracing } = this.#options;
    return traceHeaderOf(given, clock, ids, tracing && (() => tracing.decide(target)));
  }

  /** The first environment at once where one is idle; the others, and what goes wrong, in #tryOn. */
  #run(ran: Running): Promise<InvokeOutcome> {
    const { target } = ran;
    const versionPool = this.#poolOf(target);
    const { pace, all, idle, kept } = versionPool;
    // What was counted for an environment of provisioned concurrency gets one.
    const turn = kept.size > 0 ? undefined : pace.turn(all.size - idle.length, idle.length);
    return turn === undefined
      ? this.#runNow(ran, versionPool)
      : turn.then(() => this.#runNow(ran, this.#poolOf(target)));
  }

  #runNow(ran: Running, versionPool: VersionPool): Promise<InvokeOutcome> {
    const { target, use } = ran;
    const asked = askedOf(ran);
    const environment = this.#options.pool.takeIdle(versionPool);
    if (environment === undefined) return this.#tryOn(ran, asked, 1);
    this.#spares?.taken(versionPool, () => this.#concurrency.room(use, target.reservedConcurrency));
    countStart(use.metrics, versionPool, environment);
    const answered = environment.invoke(asked);
    if (this.#running === 1) this.#result.begin();
    return answered.then(
      (answer) => outcomeOf(ran, environment, answer),
      (error: unknown) => {
        this.#discard(versionPool, environment, error, 1);
        return this.#tryOn(ran, asked, 2);
      },
    );
  }

  async #tryOn(ran: Running, asked: EnvironmentRequest, firstAttempt: number): Promise<InvokeOutcome> {
    const { pool } = this.#options;
    const { target, use } = ran;
    for (let attempt = firstAttempt; ; attempt++) {
      const versionPool = this.#poolOf(target);
      const environment = pool.takeIdle(versionPool) ?? (await this.#takeNew(versionPool, use));
      try {
        countStart(use.metrics, versionPool, environment);
        return outcomeOf(ran, environment, await environment.invoke(asked));
      } catch (error) {
        this.#discard(versionPool, environment, error, attempt);
      }
    }
  }

  /** Its sandbox failed: our fault, and nobody gets this environment again. Throws what another one would not mend. */
  #discard(versionPool: VersionPool, environment: Environment, error: unknown, attempt: number): void {
    this.#options.pool.discard(versionPool, environment);
    if (!(error instanceof EnvironmentLost) || attempt >= ATTEMPTS_MAX) throw error;
  }

  #takeNew(versionPool: VersionPool, use: FunctionUse): Promise<Environment> {
    this.#concurrency.grow(use);
    return this.#options.pool.take(versionPool);
  }

  #poolOf(target: Omit<InvokeTarget, 'invokedArn'>): VersionPool {
    const { account, region, version, tenantId } = target;
    const known = tenantId === undefined ? this.#byVersion.get(version) : undefined;
    if (known && !known.retired) return known;
    const name = `${account}/${region}/${version.functionName}`;
    let pools = this.#byName.get(name);
    if (!pools) {
      pools = new Map();
      this.#byName.set(name, pools);
    }
    const key = JSON.stringify([version.version, version.code.sha256, version.settings, tenantId]);
    let pool = pools.get(key);
    if (!pool) {
      if (tenantId !== undefined) this.#forgetEmpty(pools);
      pool = this.#options.pool.open({ account, region, version });
      pools.set(key, pool);
    }
    if (tenantId === undefined) this.#byVersion.set(version, pool);
    return pool;
  }

  /** Tenants come and go, and callers name them: a pool without environments and invokes is not kept for its tenant. */
  #forgetEmpty(pools: Map<string, VersionPool>): void {
    if (pools.size < TENANT_POOLS_KEPT) return;
    for (const [key, pool] of pools) {
      if (pool.all.size > 0 || pool.waiting.length > 0 || pool.starts > 0) continue;
      this.#options.pool.retire(pool);
      pools.delete(key);
    }
  }
}

/** One invoke that has its slot. */
interface Running {
  readonly target: InvokeTarget;
  readonly request: InvokeRequest;
  readonly use: FunctionUse;
  readonly trace: InvokeTrace;
  readonly slot: Slot;
}

function refused({ request, use, trace }: Pick<Running, 'request' | 'use' | 'trace'>, error: unknown): void {
  if (error instanceof ApiError && error.name === 'TooManyRequestsException') use.metrics.throttles++;
  if (typeof trace !== 'string') trace.refused(request, error);
}

function askedOf({ target, request, trace }: Running): EnvironmentRequest {
  return {
    requestId: request.requestId,
    invokedArn: target.invokedArn,
    traceHeader: headerOf(trace),
    clientContext: request.clientContext,
    contentType: request.contentType,
    payload: request.payload.length === 0 ? EMPTY_EVENT : request.payload,
    tail: request.tail,
    sink: request.sink,
    notes: request.notes,
    observe: typeof trace === 'string' ? undefined : trace.ran.bind(trace, request),
    tenantId: target.tenantId,
  };
}

function outcomeOf(
  { target, use, trace }: Running,
  environment: Environment,
  answer: EnvironmentAnswer,
): InvokeOutcome {
  use.metrics.ran(environment.lastDurationMs, answer.failed);
  return {
    payload: answer.payload,
    executedVersion: target.version.version,
    traceHeader: headerOf(trace),
    ...(answer.failed ? { functionError: 'Unhandled' as const } : {}),
    ...(answer.errorCode === undefined ? {} : { errorCode: answer.errorCode }),
    ...(answer.contentType === undefined ? {} : { contentType: answer.contentType }),
    ...(answer.logTail === undefined ? {} : { logTail: answer.logTail }),
  };
}

function hasIdleKept({ kept, idle }: VersionPool): boolean {
  return kept.size > 0 && idle.some((environment) => kept.has(environment));
}

function countStart(metrics: FunctionMetrics, { kept }: VersionPool, environment: Environment): void {
  if (environment.isNew) metrics.coldStarts++;
  if (kept.size === 0) return;
  if (kept.has(environment)) metrics.provisionedInvocations++;
  else metrics.spilloverInvocations++;
}

function recursiveInvocation(): ApiError {
  return new ApiError(
    'RecursiveInvocationException',
    "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources and stopped your function's invocation.",
  );
}
