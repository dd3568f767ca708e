import { CacheUse } from '../runtimes/cache-use.ts';
import { matchRuntime, type RuntimeFamily, readRuntimeFamilies } from '../runtimes/description.ts';
import { type ObtainedRuntime, obtainRuntime, RuntimeMissing } from '../runtimes/obtained-runtime.ts';

export interface RuntimesOptions {
  /** Folder of the runtime families. */
  readonly directory: string;
  readonly cacheDir: string;
  readonly nearest: boolean;
  /** Leave out what a runtime works without: the AWS SDKs that AWS's bring along. */
  readonly onlyNecessary?: boolean;
  /** URL of a Maven repository, for machines without `mvn`. */
  readonly mavenRepository?: string | undefined;
  /** Lines about what takes long. */
  readonly progress: (line: string) => void;
}

/** Finds, and fetches when need be, what runtime identifiers run on. Remembers what it found. */
export class InstalledRuntimes {
  readonly #options: RuntimesOptions;
  readonly #families: readonly RuntimeFamily[];
  readonly #use: CacheUse;
  readonly #known = new Map<string, Promise<ObtainedRuntime>>();
  readonly #attempts = new Map<string, Promise<ObtainedRuntime>>();

  constructor(options: RuntimesOptions) {
    this.#options = options;
    this.#families = readRuntimeFamilies(options.directory);
    this.#use = new CacheUse(options.cacheDir);
  }

  /** For a function's activation: fetches what could not be had before. Rejects with RuntimeMissing. */
  async prepare(identifier: string): Promise<void> {
    const known = this.#known.get(identifier);
    if (!known) return void (await this.find(identifier));
    if (!(await known).isIncomplete) return;
    // Until it is there, environments start on what is known.
    let attempt = this.#attempts.get(identifier);
    if (!attempt) {
      attempt = this.#find(identifier).finally(() => this.#attempts.delete(identifier));
      this.#attempts.set(identifier, attempt);
    }
    this.#known.set(identifier, Promise.resolve(await attempt));
  }

  /** Rejects with RuntimeMissing. */
  find(identifier: string): Promise<ObtainedRuntime> {
    let known = this.#known.get(identifier);
    if (!known) {
      known = this.#find(identifier);
      this.#known.set(identifier, known);
      // What is missing now may be installed a minute later.
      known.catch(() => this.#known.delete(identifier));
    }
    return known;
  }

  async #find(identifier: string): Promise<ObtainedRuntime> {
    const match = matchRuntime(this.#families, identifier);
    if (!match) throw new RuntimeMissing(`lambdad does not run ${identifier} yet.`);
    return await obtainRuntime(match, {
      ...this.#options,
      env: process.env,
      uses: (place) => this.#use.mark(place),
    });
  }
}
