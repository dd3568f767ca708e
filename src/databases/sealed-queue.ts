/** An event queue whose payloads are encrypted at rest, whichever queue it is. */
import { isSealed, seal, unseal } from '../base/sealed-chunks.ts';
import { checkItem, type EventQueue, type ItemOwner, type Lane, type NewItem } from '../store/event-queue.ts';
import { SmallSeals } from './small-seals.ts';

/** Larger ones are sealed piece by piece, each under a key of its own: beside their file that costs nothing. */
const SMALL_BYTES_MAX = 32_768;

/** The first byte of both marks: `l`. */
const SEALS_BEGIN = 0x6c;

/** `key`: 32 bytes. What was accepted before payloads were sealed is given as it is. */
export function sealedQueue(queue: EventQueue, key: Uint8Array): EventQueue {
  const small = new SmallSeals(key, 'lambdad event payloads');
  const sealed = async (item: NewItem): Promise<NewItem> => {
    checkItem(item);
    const { payload } = item;
    const isSmall = payload.byteLength <= SMALL_BYTES_MAX;
    const purpose = purposeOf(item);
    return { ...item, payload: isSmall ? small.seal(purpose, payload) : await collect(seal(key, purpose, payload)) };
  };
  return {
    ...queue,
    async accept(item) {
      await queue.accept(await sealed(item));
    },
    async payload(item) {
      const stored = await queue.payload(item);
      if (stored === undefined) return undefined;
      if (isSealed(stored)) return unseal(key, purposeOf(item), stored);
      // JSON neither begins like a seal, of which something may be torn off, nor is it empty.
      const isClear = stored.byteLength > 0 && stored[0] !== SEALS_BEGIN;
      return isClear ? stored : small.unseal(purposeOf(item), stored);
    },
    async end(item, following) {
      await queue.end(item, await Promise.all(following.map(sealed)));
    },
  };
}

/** A payload's cipher text is of no use in another function's line. */
function purposeOf({ account, region, functionName, lane }: ItemOwner & { readonly lane: Lane }): string {
  return `lambdad ${lane} ${account} ${region} ${functionName}`;
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
