import type { Clock } from '../base/clock.ts';

const NOTES_MAX = 20;
const WINDOW_MS = 60_000;

/** Passes on a few lines a minute and counts the rest: a queue that is gone must not fill the server's log. */
export function limitedNote(note: (line: string) => void, clock: Pick<Clock, 'monotonic'>): (line: string) => void {
  let untilMs = Number.NEGATIVE_INFINITY;
  let noted = 0;
  return (line) => {
    if (clock.monotonic() >= untilMs) {
      if (noted > NOTES_MAX) note(`${noted - NOTES_MAX} more lines like these were left out`);
      noted = 0;
      untilMs = clock.monotonic() + WINDOW_MS;
    }
    if (++noted <= NOTES_MAX) note(line);
  };
}
