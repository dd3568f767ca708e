/** The condition keys that follow from a request itself, whatever it asks for. */
import { type Principal, principalKeys } from './identity.ts';
import type { RequestKeys } from './policy-pattern.ts';

/** A request as policies see it. */
export interface RequestFacts {
  readonly caller: Principal;
  readonly region: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly sourceIp?: string;
  readonly userAgent?: string;
  readonly referer?: string;
  /** Whether the connection is encrypted up to this server. */
  readonly isSecure: boolean;
}

/**
 * All keys of a request about a resource of the account `owner`. `more` has the keys of the action and its resource.
 * Keys of requests that services make for others (aws:SourceArn, aws:SourceAccount, lambda:EventSourceToken) are never
 * there: who signs with a key calls for itself.
 */
export function requestKeys(facts: RequestFacts, owner: string, more: RequestKeys): RequestKeys {
  const ofPrincipal = principalKeys(facts.caller, facts.region);
  return (name) => ofRequest(facts, owner, name) ?? ofPrincipal(name) ?? present(more(name));
}

function ofRequest(facts: RequestFacts, owner: string, name: string): readonly string[] | undefined {
  switch (name) {
    case 'aws:requestedregion':
      return [facts.region];
    case 'aws:resourceaccount':
      return [owner];
    case 'aws:sourceip':
      return one(facts.sourceIp);
    case 'aws:useragent':
      return one(facts.userAgent);
    case 'aws:referer':
      return one(facts.referer);
    case 'aws:securetransport':
      return [String(facts.isSecure)];
    case 'aws:currenttime':
      return [new Date(facts.nowMs).toISOString()];
    case 'aws:epochtime':
      return [String(Math.floor(facts.nowMs / 1000))];
    default:
      return undefined;
  }
}

function one(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}

function present(values: readonly string[] | undefined): readonly string[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values;
}
