import type { Connection, Poll } from '../runtime-api/connection.ts';

/** One extension: where it stands, what it asked to hear of, and the event that waits for it. Source: runtime-facts 2. */

export type ExtensionEvent = 'INVOKE' | 'SHUTDOWN';

export type ExtensionState =
  | 'Started'
  | 'Registered'
  | 'Ready'
  | 'Running'
  | 'InitError'
  | 'ExitError'
  | 'Exited'
  | 'LaunchError';

/** From which states an extension's own calls lead where. A repeated error is taken and changes nothing. */
const sources: Readonly<Partial<Record<ExtensionState, readonly ExtensionState[]>>> = {
  Registered: ['Started'],
  Ready: ['Registered', 'Running'],
  InitError: ['Registered', 'InitError'],
  ExitError: ['Registered', 'Ready', 'Running', 'ExitError'],
};

/** In the order in which the log names them. */
const eventOrder: readonly ExtensionEvent[] = ['INVOKE', 'SHUTDOWN'];

export class Extension {
  readonly name: string;
  /** UUID that it names itself with. */
  readonly identifier: string;
  /** A process of its own; otherwise part of the runtime process. */
  readonly isExternal: boolean;
  state: ExtensionState = 'Started';
  errorType: string | undefined;
  #events: ReadonlySet<ExtensionEvent> = new Set();
  #poll: Poll | undefined;
  /** An event that came while it worked; its next call gets it at once. */
  #waiting: Buffer | undefined;

  constructor(name: string, identifier: string, isExternal: boolean) {
    this.name = name;
    this.identifier = identifier;
    this.isExternal = isExternal;
  }

  get events(): readonly ExtensionEvent[] {
    return eventOrder.filter((event) => this.#events.has(event));
  }

  isSubscribed(event: ExtensionEvent): boolean {
    return this.#events.has(event);
  }

  /** False when its state does not allow it. */
  enter(state: ExtensionState, errorType?: string): boolean {
    if (!sources[state]?.includes(this.state)) return false;
    this.state = state;
    this.errorType ??= errorType;
    return true;
  }

  /** Its program could not be started: `launchError` is what the kernel said, in Go's words. */
  failLaunch(launchError: string): void {
    this.state = 'LaunchError';
    this.errorType = launchError.endsWith(': permission denied') ? 'PermissionDenied' : 'UnknownError';
  }

  /** It was one too many to be started. */
  refuse(): void {
    this.state = 'LaunchError';
    this.errorType = 'TooManyExtensions';
  }

  subscribe(events: readonly ExtensionEvent[]): void {
    this.#events = new Set(events);
  }

  /** It asks for its next event; its state is Ready. */
  await(poll: Poll): void {
    this.#poll = poll;
    const event = this.#waiting;
    if (event) this.deliver(event);
  }

  /** Hands out an event, at once or at its next call. */
  deliver(event: Buffer): void {
    const poll = this.#poll;
    this.#poll = undefined;
    this.#waiting = poll ? undefined : event;
    if (this.state === 'Ready') this.state = 'Running';
    poll?.answer(event);
  }

  closed(connection: Connection): void {
    if (this.#poll?.connection === connection) this.#poll = undefined;
  }
}
