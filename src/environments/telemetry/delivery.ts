import type { Socket } from 'node:net';

/** A connection to a port inside the environment; see Sandbox.dial. */
export type Dial = (port: number) => Promise<Socket>;

/** The way to one subscriber. One send at a time. */
export interface Delivery {
  /**
   * Resolves when the subscriber has taken the events, as far as its protocol lets one know. Rejects when it has not, or
   * when the signal says to give up; then nothing of this send is left behind.
   */
  send(events: readonly string[], signal: AbortSignal): Promise<void>;
  close(): void;
}
