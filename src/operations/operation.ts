import type { Principal } from '../access/identity.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { KeyedMutex } from '../base/mutex.ts';
import type { Activation } from '../functions/activation.ts';
import type { UrlAddresses } from '../functions/function-url-address.ts';
import type { DeprecatedRuntimes } from '../functions/runtime-support.ts';
import type { AsyncInvokes } from '../invoke/async-invokes.ts';
import type { InvokeMetrics } from '../invoke/invoke-metrics.ts';
import type { Invoker } from '../invoke/invoker.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { OperationInputs, OperationOutputs } from '../model/types.gen.ts';
import type { InertSettings, Neighbours } from '../neighbours/neighbours.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import type { StreamedBody } from '../protocol/streamed-body.ts';
import type { SourcesAtWork } from '../sources/sources-at-work.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Demand } from './access-table.ts';

/** What the operations work with; built once by the composition root. */
export interface Services {
  readonly metadata: MetadataStore;
  readonly packages: CodePackages;
  readonly activation: Activation;
  readonly invoker: Invoker;
  /** Where function URLs are served. */
  readonly urls: UrlAddresses;
  /** Asynchronous invokes. */
  readonly asyncInvokes: Pick<AsyncInvokes, 'accept'>;
  /** What reads from event sources. */
  readonly sources: SourcesAtWork;
  /** What is counted of each function. */
  readonly metrics: Pick<InvokeMetrics, 'of'>;
  /** The AWS services that settings can point at, as far as endpoints for them are configured. */
  readonly neighbours: Neighbours;
  readonly inert: InertSettings;
  /** Root certificates in DER that code signatures may lead to. */
  readonly signingRoots: readonly Uint8Array[];
  /** Takes a line for whoever runs the server. */
  readonly note: (line: string) => void;
  /** Encryption at rest. */
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Writers of one function take turns: key `account/region/function`. */
  readonly locks: KeyedMutex;
  readonly limits: AccountLimits;
  /** Whether runtimes that AWS has closed can still be given to functions. */
  readonly deprecatedRuntimes: DeprecatedRuntimes;
  /** `block`: a policy that lets everyone in is refused with PublicPolicyException. */
  readonly publicPolicies: 'allow' | 'block';
}

/** Quotas of every account (lambda-facts 5.4, 9.2); concurrency and code storage are settings of the server. */
export interface AccountLimits {
  readonly concurrentExecutions: number;
  readonly unreservedConcurrencyMin: number;
  readonly totalCodeSizeBytes: number;
  readonly codeSizeUnzippedBytes: number;
  readonly codeSizeZippedBytes: number;
}

/** One request, authenticated and validated, on its way into an operation. */
export interface OperationContext {
  readonly requestId: string;
  /** Who calls; its account is another than the namespace's where a policy lets it use what another account owns. */
  readonly caller: Principal;
  /** Account (12 digits) and region in which the operation works: together the namespace of everything it sees. */
  readonly account: string;
  readonly region: string;
  /** Why the caller may not do one more thing, in AWS's words; undefined when it may. Absent: it may do everything. */
  readonly refusalOf?: (demand: Demand) => Promise<string | undefined>;
  /** `http://host:port` as the client addressed us, for links in answers. */
  readonly origin: string;
  /** Value of X-Amzn-Trace-Id, when the caller sent one. */
  readonly traceHeader?: string;
  /** Content-Type of the request. */
  readonly contentType?: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  readonly services: Services;
}

/**
 * The answer of an operation. Most return the output shape; one whose status depends on the request (Invoke) or whose
 * status AWS was seen to answer differently from the model says so with `status`.
 */
export interface OperationAnswer<Output> {
  readonly output: Output;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, where it comes piece by piece. */
  readonly stream?: StreamedBody;
}

export type Operation<Name extends OperationName> = (
  context: OperationContext,
  input: OperationInputs[Name],
) => Promise<OperationAnswer<OperationOutputs[Name]>>;
