import { randomFillSync, randomUUID } from 'node:crypto';

/** Randomness, handed in so that tests can repeat a run. */
export interface Ids {
  uuid(): string;
  /** Lower-case hexadecimal digits, `digits` of them (an even number). */
  hex(digits: number): string;
  /** A number in [0, 1), for weighted routing. */
  fraction(): number;
}

/** One call of the generator costs as much for a few bytes as for many: they are drawn in stock. */
const STOCK_BYTES = 8192;
const stock = Buffer.allocUnsafeSlow(STOCK_BYTES);
let used = STOCK_BYTES;

function hex(digits: number): string {
  const bytes = digits / 2;
  if (bytes > STOCK_BYTES) return randomFillSync(Buffer.alloc(bytes)).toString('hex');
  if (used + bytes > STOCK_BYTES) {
    randomFillSync(stock);
    used = 0;
  }
  const text = stock.toString('hex', used, used + bytes);
  // What was given out is not left lying about: it may have become a secret.
  stock.fill(0, used, used + bytes);
  used += bytes;
  return text;
}

export const randomIds: Ids = { uuid: () => randomUUID(), hex, fraction: () => Math.random() };
