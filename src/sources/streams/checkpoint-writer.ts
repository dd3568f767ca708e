import { RevisionConflict } from '../../store/metadata.ts';
import type { Bells } from './bell.ts';
import type { ShardCheckpoint } from './checkpoint.ts';

const RETRY_MS = 1_000;

interface WriterOptions {
  /** Throws RevisionConflict when nothing can ever be written again. */
  readonly write: (checkpoint: ShardCheckpoint) => Promise<void>;
  readonly bells: Bells;
  readonly note: (line: string) => void;
}

/**
 * Writes a shard's checkpoint down, one commit at a time; what moved meanwhile goes into the next. At most one commit and what came
 * during it is not on disk: whoever moves on while a commit is on its way waits for it.
 */
export class CheckpointWriter {
  readonly #options: WriterOptions;
  #next: ShardCheckpoint | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Rejects when a checkpoint could not be written, and will not be. */
  async move(next: ShardCheckpoint): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#next = next;
    if (this.#writing !== undefined) return this.#writing;
    this.#writing = this.#writeAll();
    // Whoever moves next, or waits for the end, hears of it.
    this.#writing.catch(() => {});
  }

  /** Resolves when everything is on disk; rejects as move. */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #writeAll(): Promise<void> {
    try {
      for (let next = this.#take(); next !== undefined; next = this.#take()) await this.#writeOne(next);
    } finally {
      // In the same moment in which nothing more was found to write.
      this.#writing = undefined;
    }
  }

  #take(): ShardCheckpoint | undefined {
    const next = this.#next;
    this.#next = undefined;
    return next;
  }

  async #writeOne(checkpoint: ShardCheckpoint): Promise<void> {
    const { write, bells, note } = this.#options;
    for (;;) {
      try {
        return await write(checkpoint);
      } catch (error) {
        if (error instanceof RevisionConflict || bells.isEnding) {
          this.#failure = error;
          throw error;
        }
        note(`a checkpoint is not written yet: ${(error as Error).message}`);
      }
      await bells.pause(RETRY_MS);
    }
  }
}
