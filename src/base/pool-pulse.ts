import { stat } from 'node:fs';

const PULSE_MS = 1_000;

/**
 * Gives the threads that do files and compression for Node a small piece of work each second, for the life of the process.
 * In glibc before 2.41 a wake-up can be lost (its bug 25847): a thread sleeps, and what is queued for it waits, until more is
 * queued. A server at rest would leave a caller without an answer.
 */
export function pulseThreadPool(): void {
  setInterval(() => stat('/', () => {}), PULSE_MS).unref();
}
