import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { fillTemplate, type MachineInterpreter, type RuntimeFamily, versionsOf } from './description.ts';
import { matchingPrograms } from './program-patterns.ts';
import { compareVersions, versionDistance, versionLike } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A program that was run and said its version. */
export interface FoundProgram {
  /** As the family's identifiers count: `3.13`, `21`. */
  readonly version: string;
  /** `3.13.0`. */
  readonly fullVersion: string;
  /** The program itself: no shim, no link. */
  readonly path: string;
}

/** How long one program may take to say its version. */
const ANSWER_MS_MAX = 5000;
const ANSWER_BYTES_MAX = 65_536;

/** Finds a family's programs on this machine. Remembers what each said, so that none is run twice. */
export class FoundPrograms {
  readonly #family: RuntimeFamily;
  readonly #interpreter: MachineInterpreter;
  readonly #env: Environment;
  readonly #answers = new Map<string, Promise<readonly FoundProgram[]>>();

  constructor(family: RuntimeFamily, interpreter: MachineInterpreter, env: Environment) {
    this.#family = family;
    this.#interpreter = interpreter;
    this.#env = env;
  }

  /** The first program of exactly this version in the order of the places. Runs only candidates that could be it. */
  async exact(version: string): Promise<FoundProgram | undefined> {
    for (const place of this.#interpreter.places) {
      for (const candidate of await matchingPrograms(place, version, this.#env)) {
        const found = (await this.#ask(candidate)).find((program) => program.version === version);
        if (found) return found;
      }
    }
    return undefined;
  }

  /** One program for each version that the family has runtimes for, oldest first. */
  async known(): Promise<FoundProgram[]> {
    const found = await Promise.all(versionsOf(this.#family).map((version) => this.exact(version)));
    return found.filter((program) => program !== undefined);
  }

  /** The newest program that the family has a runtime for. */
  async newest(): Promise<FoundProgram | undefined> {
    for (const version of versionsOf(this.#family).toReversed()) {
      const program = await this.exact(version);
      if (program) return program;
    }
    return undefined;
  }

  /** One program a version, oldest first: those known, and of other versions what was met with. */
  async all(): Promise<FoundProgram[]> {
    const found = new Map((await this.known()).map((program) => [program.version, program]));
    for (const answer of this.#answers.values())
      for (const program of await answer) if (!found.has(program.version)) found.set(program.version, program);
    return [...found.values()].sort((a, b) => compareVersions(a.version, b.version));
  }

  /** What stands in for a version that is not there, as the description says; the newer of two that are as near. */
  async nearest(version: string): Promise<FoundProgram | undefined> {
    const isEligible = (program: FoundProgram) =>
      this.#interpreter.nearest === 'either' || compareVersions(program.version, version) > 0;
    return (await this.all())
      .filter(isEligible)
      .sort(
        (a, b) =>
          versionDistance(a.version, version) - versionDistance(b.version, version) ||
          compareVersions(b.version, a.version),
      )[0];
  }

  async #ask(candidate: string): Promise<readonly FoundProgram[]> {
    // Several names of one program are one program, unless it decides by its name what it is: a shim does.
    const path = candidate.includes('/shims/') ? candidate : await realpath(candidate).catch(() => candidate);
    let answer = this.#answers.get(path);
    if (!answer) {
      answer = this.#run(path);
      this.#answers.set(path, answer);
    }
    return answer;
  }

  async #run(candidate: string): Promise<readonly FoundProgram[]> {
    const text = await new Promise<string>((resolve) => {
      const options = { timeout: ANSWER_MS_MAX, killSignal: 'SIGKILL', maxBuffer: ANSWER_BYTES_MAX } as const;
      const child = execFile(candidate, [...this.#interpreter.question], options, (error, stdout, stderr) => {
        // A shim whose version is not chosen fails here; so does a file that is something else.
        resolve(error ? '' : `${stdout}\n${stderr}`.replaceAll('\r\n', '\n'));
      });
      child.stdin?.end();
    });
    const found: FoundProgram[] = [];
    const example = versionsOf(this.#family)[0] ?? '';
    for (const { groups = {} } of text.matchAll(new RegExp(this.#interpreter.answer, 'gm'))) {
      const { program } = this.#interpreter;
      const fullVersion = groups['version'] ?? '';
      const named = program === undefined ? candidate : fillTemplate(program, groups);
      const path = await realpath(named).catch(() => undefined);
      if (path !== undefined) found.push({ version: versionLike(example, fullVersion), fullVersion, path });
    }
    return found;
  }
}
