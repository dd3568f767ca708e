/**
 * The policies of functions and layer versions, read for evaluation and remembered until they change: also that there
 * is none, which is the case on the warm path of most functions.
 */
import { LruMap } from '../base/lru.ts';
import type { Change, MetadataStore, RecordKey, RecordKind } from '../store/metadata.ts';
import { type Policy, PolicyError, readStatements } from './policy-document.ts';
import type { KeptPolicy } from './resource-policy.ts';

/** Undefined stands for "no policy" in what `read` answers. */
export interface ResourcePolicies {
  /** True when it is known without waiting that the function or layer version has no policy. */
  isKnownFree(key: RecordKey): boolean;
  read(key: RecordKey): Promise<Policy | undefined>;
}

/** Kinds of record that carry a policy in `body.policy`. */
const KINDS: readonly RecordKind[] = ['function-policy', 'layer-version'];

/** Compiled, a policy takes about ten times the memory of its text, which has up to 20 KB and mostly much less. */
const POLICIES_MAX = 2_000;
const LARGE_CHARACTERS_MIN = 2_048;
const LARGE_POLICIES_MAX = 100;
/** Some hundred bytes each. */
const FREE_MAX = 20_000;

/**
 * Wraps a store that nobody else writes to, so that what it commits is seen here. The store that comes back is the one
 * to write to; it offers what the given one, an object of plain functions, offers.
 */
export function watchPolicies<Store extends MetadataStore>(
  store: Store,
): { readonly metadata: Store; readonly policies: ResourcePolicies } {
  const memory = new PolicyMemory();
  const metadata: Store = {
    ...store,
    async commit(given: readonly Change[]) {
      const touching = given.filter(({ key }) => KINDS.includes(key.kind));
      if (touching.length === 0) return await store.commit(given);
      // Forgotten before, lest an old policy outlive the commit's promise, and after, for reads that came between.
      memory.forget(touching);
      try {
        return await store.commit(given);
      } finally {
        memory.forget(touching);
      }
    },
  };
  const policies: ResourcePolicies = {
    isKnownFree: (key) => memory.isFree(key),
    async read(key) {
      if (memory.isFree(key)) return undefined;
      const name = nameOf(key);
      const known = memory.find(name);
      if (known !== undefined) return known;
      const { changes } = memory;
      const record = await store.get(key);
      const kept = (record?.body as { readonly policy?: KeptPolicy } | undefined)?.policy;
      const policy = kept && compile(kept);
      const isNamespaceFree = !policy && key.kind === 'function-policy' && !(await hasAny(store, key));
      // A change that came between may have made what was read out of date.
      if (memory.changes !== changes) return policy;
      if (policy && kept) memory.remember(name, policy, JSON.stringify(kept).length);
      else memory.free.set(isNamespaceFree ? namespaceOf(key) : name, true);
      return policy;
    },
  };
  return { metadata, policies };
}

/** What is known of policies. Deleting cannot bring one about, so that what has none stays known through it. */
class PolicyMemory {
  readonly #small = new LruMap<string, Policy>(POLICIES_MAX);
  readonly #large = new LruMap<string, Policy>(LARGE_POLICIES_MAX);
  /** Names of resources without a policy, and of namespaces in which no function has one. */
  readonly free = new LruMap<string, true>(FREE_MAX);
  changes = 0;

  isFree(key: RecordKey): boolean {
    if (key.kind === 'function-policy' && this.free.get(namespaceOf(key)) === true) return true;
    return this.free.get(nameOf(key)) === true;
  }

  find(name: string): Policy | undefined {
    return this.#small.get(name) ?? this.#large.get(name);
  }

  /** `characters`: of the policy's text. */
  remember(name: string, policy: Policy, characters: number): void {
    (characters < LARGE_CHARACTERS_MIN ? this.#small : this.#large).set(name, policy);
  }

  forget(touching: readonly Change[]): void {
    this.changes++;
    for (const { type, key } of touching) {
      if (type === 'deletePrefix') {
        this.#small.clear();
        this.#large.clear();
        continue;
      }
      const name = nameOf(key);
      this.#small.delete(name);
      this.#large.delete(name);
      if (type !== 'put') continue;
      this.free.delete(name);
      if (key.kind === 'function-policy') this.free.delete(namespaceOf(key));
    }
  }
}

async function hasAny(store: MetadataStore, { account, region, kind }: RecordKey): Promise<boolean> {
  return (await store.list({ account, region, kind, limit: 1 })).length > 0;
}

function nameOf(key: RecordKey): string {
  return `${namespaceOf(key)} ${key.kind} ${key.id}`;
}

function namespaceOf({ account, region }: RecordKey): string {
  return `${account} ${region}`;
}

/** The operations that store policies refuse what cannot be read; should it be there all the same, it says nothing. */
function compile({ statements, version }: KeptPolicy): Policy {
  const readable = statements.flatMap((statement) => {
    try {
      return readStatements([statement], version, 'resource').statements;
    } catch (error) {
      if (error instanceof PolicyError) return [];
      throw error;
    }
  });
  return { statements: readable };
}
