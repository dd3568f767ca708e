/** Runs hostile requests by the thousand, a seed for each, and keeps those that did harm. */
import { appendFileSync, readFileSync } from 'node:fs';
import { caseSeed, Draw } from './draw.ts';
import { exchange, statusesOf } from './exchange.ts';
import type { SpoiledRequest } from './hostile-http.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly port: number;
  readonly make: (draw: Draw) => SpoiledRequest;
  /** What is wrong about all that came back to one connection; undefined when nothing is. */
  readonly judge: (text: string) => string | undefined;
}

export interface Harm {
  readonly target: string;
  /** Of the case alone: `new Draw(seed)` makes it again. */
  readonly seed: number;
  readonly how: string;
  readonly why: string;
  /** In base64. */
  readonly pieces: readonly string[];
}

export interface FuzzTally {
  sent: number;
  /** How often each status came. */
  readonly statuses: Map<number, number>;
  readonly harms: Harm[];
}

/** One line of JSON for each case that ever did harm: all of them are sent again before anything new is tried. */
const corpus = new URL('fuzz-corpus.jsonl', import.meta.url);
const CONNECTIONS = 24;
/** Longer than any limit of a function or a listener that a case can run into. */
const WAIT_MS = 45_000;
/** Who harms as often as this need not go on. */
const HARMS_MAX = 10;

export function keptCases(target: string): readonly Harm[] {
  return readFileSync(corpus, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Harm)
    .filter((harm) => harm.target === target);
}

async function send(target: FuzzTarget, seed: number, { how, pieces }: SpoiledRequest, tally: FuzzTally) {
  const { text, closed } = await exchange(target.port, pieces, WAIT_MS);
  tally.sent++;
  for (const status of statusesOf(text)) tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
  const why = closed ? target.judge(text) : `the connection was not ended within ${WAIT_MS} ms`;
  if (why === undefined) return;
  const harm = { target: target.name, seed, how, why, pieces: pieces.map((piece) => piece.toString('base64')) };
  tally.harms.push(harm);
}

/** Sends the cases `from` to `from + count` of a seed, many at a time, after those that were kept. */
export async function fuzz(target: FuzzTarget, seed: number, from: number, count: number): Promise<FuzzTally> {
  const tally: FuzzTally = { sent: 0, statuses: new Map(), harms: [] };
  for (const { seed: own, how, pieces } of from === 0 ? keptCases(target.name) : [])
    await send(target, own, { how, pieces: pieces.map((piece) => Buffer.from(piece, 'base64')) }, tally);
  const known = tally.harms.length;
  let next = from;
  const lane = async () => {
    while (next < from + count && tally.harms.length < HARMS_MAX) {
      const own = caseSeed(seed, next++);
      await send(target, own, target.make(new Draw(own)), tally);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  for (const harm of tally.harms.slice(known)) appendFileSync(corpus, `${JSON.stringify(harm)}\n`);
  return tally;
}

/** For the message of a failure: what did harm, and how to see it again. */
export function told(seed: number, { harms }: FuzzTally): string {
  const lines = harms.map(({ target, seed: own, how, why }) => `${target}, seed ${own}, ${how}: ${why}`);
  return [`PROOF_SEED=${seed}; the cases are kept in test/proof/fuzz-corpus.jsonl`, ...lines].join('\n');
}
