import { ApiError } from '../model/api-error.ts';

/**
 * Counts running invokes: of each account and region against the account's limit, of each function with a reservation
 * against that. Source: lambda-facts 9.1.
 */
export interface Slot {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly reserved?: number;
}

export class Concurrency {
  readonly #limit: number;
  readonly #running = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a slot, or throws TooManyRequestsException. Each slot is to be released once. */
  take(slot: Slot): void {
    const accountKey = `${slot.account}/${slot.region}`;
    const inAccount = this.#running.get(accountKey) ?? 0;
    if (inAccount >= this.#limit) throw rateExceeded('ConcurrentInvocationLimitExceeded');
    if (slot.reserved !== undefined) {
      const functionKey = `${accountKey}/${slot.functionName}`;
      const inFunction = this.#running.get(functionKey) ?? 0;
      if (inFunction >= slot.reserved) throw rateExceeded('ReservedFunctionConcurrentInvocationLimitExceeded');
      this.#running.set(functionKey, inFunction + 1);
    }
    this.#running.set(accountKey, inAccount + 1);
  }

  release(slot: Slot): void {
    const accountKey = `${slot.account}/${slot.region}`;
    this.#decrease(accountKey);
    if (slot.reserved !== undefined) this.#decrease(`${accountKey}/${slot.functionName}`);
  }

  #decrease(key: string): void {
    const count = (this.#running.get(key) ?? 0) - 1;
    if (count > 0) this.#running.set(key, count);
    else this.#running.delete(key);
  }
}

function rateExceeded(reason: string): ApiError {
  return new ApiError('TooManyRequestsException', 'Rate Exceeded.', {
    body: { Reason: reason },
    headers: { 'Retry-After': '1' },
  });
}
