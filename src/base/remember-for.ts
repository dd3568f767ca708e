import { type Clock, systemClock } from './clock.ts';

/** Asks again only when the last answer is older than so many milliseconds. */
export function rememberFor<T>(ms: number, ask: () => T, clock: Pick<Clock, 'monotonic'> = systemClock): () => T {
  let last: { readonly answer: T; readonly atMs: number } | undefined;
  return () => {
    const nowMs = clock.monotonic();
    if (!last || nowMs - last.atMs > ms) last = { answer: ask(), atMs: nowMs };
    return last.answer;
  };
}
