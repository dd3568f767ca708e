/** Which records of a source pass the filters of a mapping (lambda-facts 8.4). */
import type { FilterCriteria } from '../model/types.gen.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { Namespace } from '../store/namespace.ts';
import { openFilters } from './filter-criteria.ts';
import { parseFilterPattern } from './filter-pattern.ts';
import { type CompiledRule, compilePattern, MISFIT, ownField, verdictOf } from './filter-verdict.ts';
import { isJsonObject, parseJsonNumbers } from './json-numbers.ts';
import type { MappingBody } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';
import type { SourceRecord } from './source-port.ts';

export type RecordFilter = (record: SourceRecord) => boolean;

/**
 * The filter of a mapping that starts; one that has none lets everything pass.
 *
 * Rejects with an ApiError when the criteria are sealed under a key that cannot be used: KMSAccessDeniedException,
 * KMSDisabledException, KMSInvalidStateException or KMSNotFoundException, or ServiceException when KMS cannot be asked.
 * Nothing may be read from the source then: records that are to be left out would reach the function, or messages that
 * are not would be deleted. Of AWS no more is documented than the FilterCriteriaError that Get shows
 * for it; a mapping here keeps its state, has `PROBLEM: ` and the error's message as its LastProcessingResult, and is
 * tried again as one whose source cannot be reached.
 */
export async function filterOf(
  vault: Vault,
  namespace: Namespace,
  mapping: Pick<MappingBody, 'uuid' | 'source' | 'filters' | 'sealedFilters' | 'kmsKeyArn'>,
): Promise<RecordFilter> {
  return compileFilters(mapping.source.kind, await openFilters(vault, namespace, mapping));
}

/**
 * A record passes when it fits one of the filters, or when there are none. Throws FilterPatternError for what
 * checkFilters refuses.
 */
export function compileFilters(kind: SourceKind, criteria: FilterCriteria | undefined): RecordFilter {
  const patterns = (criteria?.Filters ?? []).map(({ Pattern = '' }) => compilePattern(parseFilterPattern(Pattern)));
  if (patterns.length === 0) return () => true;
  const parse = patterns.some(({ readsNumbers }) => readsNumbers) ? parseJsonNumbers : JSON.parse;
  const shape = shapeOf[kind] ?? {};
  return ({ event }) => {
    const view = new RecordView(event, shape, parse);
    return patterns.some((pattern) => verdictOf(pattern, view, readView) !== 'no');
  };
}

interface RecordShape {
  /** Fields whose value is a text of the sender's, JSON or not. */
  readonly texts?: Readonly<Record<string, 'plain' | 'base64'>>;
  /** An object whose fields filters name as if they were the record's own. */
  readonly unfolded?: string;
}

const kafka: RecordShape = { texts: { key: 'base64', value: 'base64' } };

/** What filters see other than functions do; fields that are not named here are the event's own. */
const shapeOf: Partial<Record<SourceKind, RecordShape>> = {
  sqs: { texts: { body: 'plain' } },
  kinesis: { texts: { data: 'base64' }, unfolded: 'kinesis' },
  msk: kafka,
  kafka,
  mq: { texts: { data: 'base64' } },
};

/** A text of a record, decoded and read once whatever the number of filters. */
interface RecordText {
  readonly text: string;
  /** MISFIT: it is not JSON. */
  readonly json: unknown;
}

class RecordView {
  readonly #event: SourceRecord['event'];
  readonly #shape: RecordShape;
  readonly #parse: (text: string) => unknown;
  readonly #texts = new Map<string, RecordText>();

  constructor(event: SourceRecord['event'], shape: RecordShape, parse: (text: string) => unknown) {
    this.#event = event;
    this.#shape = shape;
    this.#parse = parse;
  }

  /**
   * A pattern for JSON and one for plain text each fit only their own kind: a text that is the other kind is dropped,
   * also by a filter that asks for something not to be there.
   */
  read(name: string, type: CompiledRule['type']): unknown {
    const value = this.#field(name);
    const encoding = this.#shape.texts && Object.hasOwn(this.#shape.texts, name) && this.#shape.texts[name];
    if (!encoding) return value;
    if (typeof value !== 'string') return type === 'nested' ? MISFIT : value;
    let known = this.#texts.get(name);
    if (known === undefined) {
      known = encoding === 'plain' ? this.#textOf(value) : this.#decoded(value);
      this.#texts.set(name, known);
    }
    if (type === 'nested') return known.json;
    return known.json === MISFIT ? known.text : MISFIT;
  }

  #field(name: string): unknown {
    const { unfolded } = this.#shape;
    const own = ownField(this.#event, name);
    if (own !== undefined || unfolded === undefined) return own;
    const folded = ownField(this.#event, unfolded);
    return isJsonObject(folded) ? ownField(folded, name) : undefined;
  }

  #decoded(base64: string): RecordText {
    const bytes = Buffer.from(base64, 'base64');
    try {
      return this.#textOf(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      return { text: bytes.toString(), json: MISFIT };
    }
  }

  #textOf(text: string): RecordText {
    try {
      return { text, json: this.#parse(text) };
    } catch {
      return { text, json: MISFIT };
    }
  }
}

function readView(view: RecordView, name: string, type: CompiledRule['type']): unknown {
  return view.read(name, type);
}
