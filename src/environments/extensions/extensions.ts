import type { Ids } from '../../base/ids.ts';
import type { Connection } from '../runtime-api/connection.ts';
import { Extension, type ExtensionEvent } from './extension.ts';

/** The extensions of one life of an environment's processes. Source: runtime-facts 2, "Life". */

/** Of both kinds together. */
export const EXTENSIONS_MAX = 10;

/** Why an internal extension cannot register. */
export type RegistrationRefusal = 'closed' | 'name' | 'number';

export class Extensions {
  readonly #ids: Ids;
  /** External ones first. */
  readonly #all: Extension[] = [];
  #isOpen = true;
  /** What an extension reported first: the reason of what goes wrong afterwards. */
  #reported: 'Extension.InitError' | 'Extension.ExitError' | undefined;

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  get all(): readonly Extension[] {
    return this.#all;
  }

  get external(): readonly Extension[] {
    return this.#all.filter(({ isExternal }) => isExternal);
  }

  get reported(): string | undefined {
    return this.#reported;
  }

  /** One that is about to be started. */
  addExternal(name: string): Extension {
    const extension = new Extension(name, this.#ids.uuid(), true);
    this.#all.push(extension);
    return extension;
  }

  /** One within the runtime process, which registers itself. */
  addInternal(name: string): Extension | RegistrationRefusal {
    if (!this.#isOpen) return 'closed';
    if (this.#all.length >= EXTENSIONS_MAX) return 'number';
    if (this.findByName(name)) return 'name';
    const extension = new Extension(name, this.#ids.uuid(), false);
    this.#all.push(extension);
    return extension;
  }

  /** The runtime asked for its first event. */
  closeRegistration(): void {
    this.#isOpen = false;
  }

  findByName(name: string): Extension | undefined {
    return this.#all.find((extension) => extension.name === name);
  }

  find(identifier: string): Extension | undefined {
    return this.#all.find((extension) => extension.identifier === identifier);
  }

  report(errorType: 'Extension.InitError' | 'Extension.ExitError'): void {
    this.#reported ??= errorType;
  }

  /** Every external one has registered. */
  get areRegistered(): boolean {
    return this.#all.every(({ isExternal, state }) => !isExternal || state !== 'Started');
  }

  /** All of them wait for an event. */
  get areReady(): boolean {
    return this.#all.every(({ state }) => state === 'Ready');
  }

  /** All that hear of invokes have come back from the last one. */
  get areDone(): boolean {
    return this.#all.every((extension) => extension.state === 'Ready' || !extension.isSubscribed('INVOKE'));
  }

  /** To all that are subscribed to it. `bytes` gives each its own. */
  deliver(event: ExtensionEvent, bytes: () => Buffer): void {
    for (const extension of this.#all) if (extension.isSubscribed(event)) extension.deliver(bytes());
  }

  /** The connection is gone: an event that comes now waits for the next call. */
  closed(connection: Connection): void {
    for (const extension of this.#all) extension.closed(connection);
  }
}
