import { randomBytes, randomUUID } from 'node:crypto';

/** Randomness, handed in so that tests can repeat a run. */
export interface Ids {
  uuid(): string;
  /** Lower-case hexadecimal digits, `digits` of them (an even number). */
  hex(digits: number): string;
  /** A number in [0, 1), for weighted routing. */
  fraction(): number;
}

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  hex: (digits) => randomBytes(digits / 2).toString('hex'),
  fraction: () => Math.random(),
};
