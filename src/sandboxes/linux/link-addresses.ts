/**
 * The addresses of a server's links: a block of /20, of which the first address is the gateway that all sandboxes name
 * and nobody has. An address that was given back is used again as late as possible, for the kernel takes the link away
 * some time after its sandbox.
 */
const BLOCK_SIZE = 4096;
const GATEWAY_OFFSET = 1;
const FIRST_OFFSET = 2;
/** The last address of a block is left out, as in any network. */
const LAST_OFFSET = BLOCK_SIZE - 2;

export class LinkAddresses {
  readonly #base: number;
  readonly #used = new Set<number>();
  #next = FIRST_OFFSET;

  /** `block`: its first address, 198.18.16.0. */
  constructor(block: string) {
    this.#base = block.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  }

  get gateway(): string {
    return this.#text(GATEWAY_OFFSET);
  }

  /** Undefined when all are in use. */
  take(): { readonly address: string; release(): void } | undefined {
    const count = LAST_OFFSET - FIRST_OFFSET + 1;
    if (this.#used.size >= count) return undefined;
    while (this.#used.has(this.#next)) this.#step();
    const offset = this.#next;
    this.#used.add(offset);
    this.#step();
    return { address: this.#text(offset), release: () => void this.#used.delete(offset) };
  }

  #step(): void {
    this.#next = this.#next === LAST_OFFSET ? FIRST_OFFSET : this.#next + 1;
  }

  #text(offset: number): string {
    const address = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
  }
}
