/** Patterns and records drawn from few names and values, so that they meet often. */
import type { SourceKind } from '../../../src/sources/source-kind.ts';
import type { SourceRecord } from '../../../src/sources/source-port.ts';
import { dynamodbRecord, kafkaRecord, kinesisRecord, mqRecord, sqsRecord } from '../records.ts';
import { arr, num, obj, str, type Tree, treeOf, word, writeTree } from './json-tree.ts';
import type { NaiveRecord } from './naive-filter.ts';

const NAMES = ['a', 'b', 'c', 'd', '__proto__', 'é"'];
const STRINGS = ['', 'x', 'X', 'xy', 'yx', 'Yx', 'é', '1', 'null', '\\"\n😀'];
const NUMBERS = [
  '1',
  '1.0',
  '1e0',
  '-2',
  '0',
  '300',
  '3E2',
  '0.000001',
  '0.1234567',
  '5000000000',
  '5000000001',
  '1e400',
];
const BOUNDS = ['-5e9', '-2', '0', '0.000001', '0.123457', '1.0', '299.5', '5000000000'];

const DEPTH_MAX = 3;
/** Each of them doubles the ways to fit a pattern, all of which the slow judge tries. */
const ORS_MAX = 2;

/** What filters can ask of a source beside its data, by names and values that its records have or might have. */
interface Side {
  readonly kind: SourceKind;
  /** Name of the text or of the object that carries the sender's data. */
  readonly data: string;
  /** Data in text can be no JSON; so can patterns, where they may be plain. */
  readonly isText: boolean;
  readonly takesPlain: boolean;
  readonly metadata: Readonly<Record<string, readonly string[]>>;
  readonly record: (data: string) => SourceRecord;
}

export const sides: readonly Side[] = [
  {
    ...{ kind: 'sqs', data: 'body', isText: true, takesPlain: true },
    metadata: { eventSource: ['aws:sqs', 'x'], md5OfMessageAttributes: ['x'] },
    record: sqsRecord,
  },
  {
    ...{ kind: 'kinesis', data: 'data', isText: true, takesPlain: false },
    metadata: { partitionKey: ['1', 'x'], eventName: ['aws:kinesis:record'] },
    record: kinesisRecord,
  },
  {
    ...{ kind: 'dynamodb', data: 'dynamodb', isText: false, takesPlain: false },
    metadata: { eventName: ['INSERT', 'MODIFY'], userIdentity: ['x'] },
    record: (data) => {
      const record = dynamodbRecord({});
      return { ...record, event: { ...record.event, dynamodb: JSON.parse(data) } };
    },
  },
  {
    ...{ kind: 'kafka', data: 'value', isText: true, takesPlain: true },
    metadata: { topic: ['topic', 'x'], timestampType: ['CREATE_TIME'] },
    record: kafkaRecord,
  },
  {
    ...{ kind: 'mq', data: 'data', isText: true, takesPlain: true },
    metadata: { messageType: ['jms/text-message', 'x'], replyTo: ['x'] },
    record: mqRecord,
  },
];

export class FilterCases {
  readonly random: () => number;
  readonly side: Side;
  #ors = 0;

  constructor(random: () => number) {
    this.random = random;
    this.side = this.pick(sides);
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random() * from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  write(tree: Tree): string {
    return writeTree(tree, this.random);
  }

  pattern(): Tree {
    this.#ors = 0;
    const { data, metadata } = this.side;
    const top = (names: readonly string[]) =>
      names.map((name) => [name, name === data ? this.#dataRule() : this.#metadataRule(name)] as const);
    const names = Object.keys(metadata);
    if (this.#chance(0.1)) return obj([['$or', arr([obj(top([data])), obj(top(this.#some(names, 2)))])]]);
    return obj(
      top(this.#chance(0.1) ? this.#some(names, 2) : [data, ...(this.#chance(0.3) ? this.#some(names, 1) : [])]),
    );
  }

  record(): { readonly record: SourceRecord; readonly naive: NaiveRecord } {
    const { data, isText, record: make } = this.side;
    const plain = isText && this.#chance(0.15) ? this.pick(['x', 'X', 'xy', '{"a":', 'é', '1 2']) : undefined;
    const tree = plain === undefined ? this.#data(0) : str(plain);
    const text = plain ?? this.write(tree);
    const record = make(text);
    // Of an object that JSON.parse gave, numbers are what they are worth.
    const seen = isText ? tree : treeOf(JSON.parse(text));
    const kinesis = (record.event['kinesis'] ?? {}) as Record<string, unknown>;
    const others = Object.entries({ ...kinesis, ...record.event }).filter(
      ([name]) => name !== data && name !== 'kinesis',
    );
    const fields = obj([[data, seen], ...others.map(([name, value]) => [name, treeOf(value)] as const)]);
    return { record, naive: { fields, texts: new Map(isText ? [[data, plain === undefined]] : []) } };
  }

  #dataRule(): Tree {
    return this.side.takesPlain && this.#chance(0.2) ? this.#matchers() : this.#fields(0, []);
  }

  #metadataRule(name: string): Tree {
    const values = this.side.metadata[name] ?? [];
    return this.#chance(0.7) ? arr(this.#some(values, 2).map(str)) : this.#matchers();
  }

  /** `taken`: names of the same object that stand outside of the `$or` that this is in. */
  #fields(depth: number, taken: readonly string[]): Tree {
    const free = NAMES.filter((name) => !taken.includes(name));
    const names = this.#some(free, 2);
    const fields: (readonly [string, Tree])[] = names.map((name) => [
      name,
      depth < DEPTH_MAX && this.#chance(0.4) ? this.#fields(depth + 1, []) : this.#matchers(),
    ]);
    const around = [...taken, ...names];
    if (around.length < NAMES.length - 1 && this.#ors < ORS_MAX && this.#chance(0.3)) {
      this.#ors++;
      fields.push(['$or', arr([this.#fields(depth, around), this.#fields(depth, around)])]);
    }
    return obj(fields);
  }

  #matchers(): Tree {
    if (this.#chance(0.1)) return arr(this.#several());
    return arr(Array.from({ length: this.#chance(0.6) ? 1 : 2 }, () => this.#matcher()));
  }

  /** Of one operator, whose matchers the filters put together. */
  #several(): readonly Tree[] {
    const ranges = () => obj([['numeric', this.#numeric()]]);
    const refusals = () => obj([['anything-but', arr(this.#some(STRINGS.slice(0, 3), 3).map(str))]]);
    const one = this.#chance(0.6) ? ranges : refusals;
    return Array.from({ length: 2 + Math.floor(this.random() * 3) }, one);
  }

  #matcher(): Tree {
    const text = () => str(this.pick(STRINGS));
    const folded = () => obj([['equals-ignore-case', text()]]);
    const operator = (name: string, operand: Tree) => obj([[name, operand]]);
    return this.pick([
      () => this.#scalar(),
      () => this.#scalar(),
      () => folded(),
      () => operator(this.pick(['prefix', 'suffix']), this.#chance(0.5) ? text() : folded()),
      () => operator('anything-but', this.#chance(0.5) ? text() : num(this.pick(NUMBERS))),
      () => operator('anything-but', arr(this.#some(STRINGS, 3).map(str))),
      () => operator('anything-but', arr(this.#some(NUMBERS, 3).map(num))),
      () => operator('numeric', this.#numeric()),
      () => operator('exists', word(this.#chance(0.3))),
    ])();
  }

  #numeric(): Tree {
    const low = Math.floor(this.random() * BOUNDS.length);
    const bound = num(BOUNDS[low] ?? '');
    if (low === BOUNDS.length - 1 || this.#chance(0.5))
      return arr([str(this.pick(['=', '<', '<=', '>', '>='])), bound]);
    const above = num(this.pick(BOUNDS.slice(low + 1)));
    return arr([str(this.pick(['>', '>='])), bound, str(this.pick(['<', '<='])), above]);
  }

  #data(depth: number): Tree {
    const inner = () => this.#data(depth + 1);
    const objectOf = () => obj(this.#some(NAMES, 4).map((name) => [name, inner()]));
    if (depth > DEPTH_MAX + 1) return this.#scalar();
    if (depth === 0 && this.#chance(0.8)) return objectOf();
    const kind = this.random();
    if (kind < 0.4) return this.#scalar();
    if (kind < 0.65) return objectOf();
    if (kind < 0.8) return arr(Array.from({ length: 2 }, objectOf));
    return arr(Array.from({ length: Math.floor(this.random() * 4) }, inner));
  }

  #scalar(): Tree {
    if (this.#chance(0.5)) return str(this.pick(STRINGS));
    return this.#chance(0.6) ? num(this.pick(NUMBERS)) : word(this.pick([true, false, null]));
  }

  /** At least one. */
  #some<T>(from: readonly T[], most: number): T[] {
    const left = [...from];
    const count = Math.min(1 + Math.floor(this.random() * most), left.length);
    return Array.from({ length: count }, () => left.splice(Math.floor(this.random() * left.length), 1)).flat();
  }

  #chance(share: number): boolean {
    return this.random() < share;
  }
}
