import type { Clock } from '../base/clock.ts';
import type { Processes } from './processes.ts';
import { jsonAnswer } from './runtime-api/answers.ts';

/**
 * How the processes of an environment end while there are extensions. Source: runtime-facts 2, "Shutdown".
 *
 * The runtime has 30 % of the budget to end on SIGTERM; then extensions that are subscribed to SHUTDOWN hear of it and
 * have until the deadline. Whatever is left then is killed. Without extensions nobody is asked: budget 0.
 */
export type ShutdownReason = 'spindown' | 'timeout' | 'failure';

const EXTERNAL_BUDGET_MS = 2000;
const INTERNAL_BUDGET_MS = 500;
const RUNTIME_SHARE = 0.3;
/** What is not delivered by then is lost with its subscribers. */
const TELEMETRY_MS_MAX = 500;

export interface ShutdownParts {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly flushTelemetry: (withinMs: number) => Promise<void>;
}

/** Resolves when all that may end by itself has; what is left is to be killed. Safe for processes that are gone. */
export async function shutDown(processes: Processes, reason: ShutdownReason, parts: ShutdownParts): Promise<void> {
  const { clock } = parts;
  const { all, external } = processes.extensions;
  processes.beginEnding();
  if (all.length === 0) return;
  const budgetMs = external.length > 0 ? EXTERNAL_BUDGET_MS : INTERNAL_BUDGET_MS;
  const begunMs = clock.monotonic();
  const leftMs = (shareMs: number) => Math.max(0, begunMs + shareMs - clock.monotonic());
  await ended([processes.signal('SIGTERM')], clock, leftMs(budgetMs * RUNTIME_SHARE));
  processes.signal('SIGKILL');
  await parts.flushTelemetry(Math.min(TELEMETRY_MS_MAX, leftMs(budgetMs)));
  const deadlineMs = Math.floor(clock.now() + leftMs(budgetMs));
  const body = JSON.stringify({ eventType: 'SHUTDOWN', shutdownReason: reason, deadlineMs });
  processes.extensions.deliver('SHUTDOWN', () => eventAnswer(body, parts.uuid()));
  const waitedFor = external.map((extension) =>
    extension.isSubscribed('SHUTDOWN') ? processes.ended(extension.name) : processes.signal('SIGKILL', extension.name),
  );
  await ended(waitedFor, clock, leftMs(budgetMs));
  await processes.drain();
}

/** The answer that hands an event to an extension. */
export function eventAnswer(body: string, eventIdentifier: string): Buffer {
  return jsonAnswer('200 OK', body, `Lambda-Extension-Event-Identifier: ${eventIdentifier}\r\n`);
}

/** Resolves when all of them have, or the time is over. */
async function ended(processes: readonly (Promise<void> | undefined)[], clock: Clock, withinMs: number): Promise<void> {
  const waited = processes.filter((process) => process !== undefined);
  if (waited.length === 0) return;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(withinMs, resolve);
  await Promise.race([Promise.all(waited), late]);
  timer.cancel();
}
