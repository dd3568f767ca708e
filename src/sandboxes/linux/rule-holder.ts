import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { deferred } from '../../base/deferred.ts';
import type { ForeignWall } from '../../base/foreign-walls.ts';

/**
 * One running `lambdad-sandbox network up`: the process that holds the firewall rules of this server's sandboxes. They
 * go with it. It undoes what it changed when its standard input ends, so also after a kill of the server; what is left
 * when it is killed as well, the server's next start finds in a file.
 */

const READY_MS_MAX = 10_000;
const END_MS_MAX = 10_000;

interface Report {
  readonly blocked?: ForeignWall;
  readonly forwarding?: string;
  readonly released?: boolean;
  readonly ready?: boolean;
  readonly block?: string;
  readonly error?: string;
  readonly step?: string;
  readonly errno?: number;
}

export class RulesFailed extends Error {
  readonly step: string;
  readonly errno: number;

  constructor(message: string, step: string, errno: number) {
    super(message);
    this.step = step;
    this.errno = errno;
  }
}

/** What tells this network from every other, also after a restart of the machine. */
function networkIdentity(): string {
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/net')}`;
}

export class RuleHolder {
  readonly #child: ChildProcess;
  readonly #stateFile: string;
  readonly #ready = deferred<string>();
  readonly #gone = deferred<void>();
  readonly #forwarding = new Set<string>();
  readonly walls: ForeignWall[] = [];

  private constructor(binary: string, stateFile: string) {
    this.#stateFile = stateFile;
    this.#child = spawn(binary, ['network', 'up', ...leftOn(stateFile)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
      // Out of the reach of what is typed at the server's terminal.
      detached: true,
    });
    this.#child.on('error', (error) => this.#ready.reject(new RulesFailed(error.message, 'spawn', 0)));
    this.#child.stdin?.on('error', () => undefined);
    this.#child.on('exit', () => {
      this.#ready.reject(new RulesFailed('it ended without a word', 'end', 0));
      this.#gone.resolve();
    });
    this.#ready.promise.catch(() => undefined);
    // A server that fails at its start ends without asking: the rules go with it.
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) (stream as Socket | null)?.unref();
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on('line', (line) => this.#report(line));
  }

  /** Rejects with RulesFailed when this machine cannot have the rules. Resolves with the holder and its address block. */
  static async start(binary: string, stateFile: string): Promise<{ holder: RuleHolder; block: string }> {
    const holder = new RuleHolder(binary, stateFile);
    const timer = setTimeout(() => holder.#child.kill('SIGKILL'), READY_MS_MAX);
    try {
      return { holder, block: await holder.#ready.promise };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when the rules are gone, whoever ended them. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Interfaces that forward for the sandboxes' sake alone. */
  get forwarding(): readonly string[] {
    return [...this.#forwarding];
  }

  /** Resolves when everything is as it was before. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX);
    await this.gone;
    clearTimeout(timer);
    rmSync(this.#stateFile, { force: true });
  }

  #report(line: string): void {
    const report = JSON.parse(line) as Report;
    if (report.blocked) this.walls.push(report.blocked);
    else if (report.forwarding !== undefined) this.#remember(report.forwarding);
    else if (report.released) {
      this.#forwarding.clear();
      rmSync(this.#stateFile, { force: true });
    } else if (report.ready) this.#ready.resolve(report.block ?? '');
    else if (report.error !== undefined)
      this.#ready.reject(new RulesFailed(report.error, report.step ?? '', report.errno ?? 0));
  }

  #remember(name: string): void {
    this.#forwarding.add(name);
    mkdirSync(dirname(this.#stateFile), { recursive: true });
    writeFileSync(this.#stateFile, JSON.stringify({ network: networkIdentity(), interfaces: this.forwarding }));
  }
}

/** Interfaces that a server of this data folder left forwarding, because nobody was left to undo it. */
function leftOn(stateFile: string): string[] {
  try {
    const { network, interfaces } = JSON.parse(readFileSync(stateFile, 'utf8')) as Record<string, unknown>;
    if (network !== networkIdentity() || !Array.isArray(interfaces)) return [];
    return interfaces.filter((name) => typeof name === 'string' && /^[^/\s]{1,15}$/.test(name));
  } catch {
    return [];
  }
}
