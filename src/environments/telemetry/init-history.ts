import type { TelemetryEvent } from './event-record.ts';
import type { Lost } from './subscriber.ts';

/** What is kept for subscriptions that come later; of a longer init the beginning. */
const EVENTS_MAX = 2000;
const CHARACTERS_MAX = 262_144;
/** What a platform event is taken to hold. */
const PLATFORM_CHARACTERS = 512;

/** What an environment logs before its extensions have subscribed. */
export class InitHistory {
  readonly #events: TelemetryEvent[] = [];
  #characters = 0;
  #lostRecords = 0;
  #lostBytes = 0;

  get events(): readonly TelemetryEvent[] {
    return this.#events;
  }

  /** What was too much. */
  get lost(): Lost {
    return { records: this.#lostRecords, bytes: this.#lostBytes };
  }

  add(event: TelemetryEvent): void {
    const characters = event.type === 'platform' ? PLATFORM_CHARACTERS : event.message.length;
    if (this.#events.length >= EVENTS_MAX || this.#characters + characters > CHARACTERS_MAX) {
      this.#lostRecords += 1;
      this.#lostBytes += event.type === 'platform' ? 0 : Buffer.byteLength(event.message);
      return;
    }
    this.#events.push(event);
    this.#characters += characters;
  }
}
