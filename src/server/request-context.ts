import type { IncomingMessage } from 'node:http';
import type { Principal } from '../access/identity.ts';
import type { ResourcePolicies } from '../access/policy-watch.ts';
import type { RequestFacts } from '../access/request-keys.ts';
import type { Demand } from '../operations/access-table.ts';
import type { OperationContext, Services } from '../operations/operation.ts';
import { refusalOf } from './authorisation.ts';
import { clientOrigin } from './browser-guard.ts';
import { requestFacts } from './request-facts.ts';

/** What is left of a request when its client has gone: the answer's end, or the connection's. */
export interface Leaving {
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** The context of one request. Its abort signal is made only when somebody asks for it. */
export class RequestContext implements OperationContext {
  readonly requestId: string;
  readonly caller: Principal;
  readonly region: string;
  readonly services: Services;
  readonly traceHeader?: string;
  readonly contentType?: string;
  readonly #request: Pick<IncomingMessage, 'headers' | 'socket'>;
  readonly #response: Leaving;
  readonly #policies: ResourcePolicies;
  #account: string;
  #signal: AbortSignal | undefined;

  constructor(
    { requestId, caller, region }: { readonly requestId: string; readonly caller: Principal; readonly region: string },
    services: Services,
    policies: ResourcePolicies,
    request: Pick<IncomingMessage, 'headers' | 'socket'>,
    response: Leaving,
  ) {
    this.requestId = requestId;
    this.caller = caller;
    this.#account = caller.account;
    this.region = region;
    this.services = services;
    this.#policies = policies;
    this.#request = request;
    this.#response = response;
    const trace = request.headers['x-amzn-trace-id'];
    if (typeof trace === 'string') this.traceHeader = trace;
    const contentType = request.headers['content-type'];
    if (contentType !== undefined) this.contentType = contentType;
  }

  get account(): string {
    return this.#account;
  }

  /** From here on the operation works in this account: the owner's of what the caller was allowed to use. */
  moveTo(account: string): void {
    this.#account = account;
  }

  get facts(): RequestFacts {
    return requestFacts(this.#request, this.caller, this.region, this.services.clock.now());
  }

  refusalOf(demand: Demand): Promise<string | undefined> {
    return refusalOf(demand, this, this.#policies);
  }

  get origin(): string {
    const { localAddress = '127.0.0.1', localPort = 0 } = this.#request.socket;
    const address = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
    return clientOrigin(this.#request.headers, `http://${address}:${localPort}`);
  }

  get signal(): AbortSignal {
    if (this.#signal) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    const response = this.#response;
    const leave = () => {
      if (!response.writableFinished) controller.abort();
    };
    if (response.destroyed) leave();
    else response.once('close', leave);
    return this.#signal;
  }
}
