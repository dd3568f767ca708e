import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { ProcessExit, ProcessSpec } from '../../environments/sandbox.ts';
import { type BareSandbox, endBare, type SandboxBuilder } from './bare-sandbox.ts';
import { INIT_WEIGHT } from './cgroup-controls.ts';
import type { SandboxGroup } from './cgroups.ts';
import { SandboxFailed } from './launcher.ts';
import { KINDS_MAX, type Prestarting, type PrestartKind, PrestartPool } from './prestart-pool.ts';
import { recallKinds, rememberKinds } from './remembered-kinds.ts';

/** Sandboxes in which a runtime's process waits at its gate; what it is given there. */
export interface WaitingProcess {
  readonly id: string;
  readonly exited: Promise<ProcessExit>;
  /** Gives the connection that the process has made beforehand to whoever listens now. */
  readonly handOver: () => void;
}

export interface PrestartedSandbox extends WaitingProcess {
  readonly bare: BareSandbox;
  readonly lost: Promise<unknown>;
}

/** Of a process that begins before anybody needs it: a third of what the smallest function has. */
const PRESTART_WEIGHT = 20;
const WAITS_MS_MAX = 20_000;

/** `kindsFile` remembers from one server to the next what was taken. */
export function prestartedSandboxes(builder: SandboxBuilder, size: number, kindsFile: string) {
  const pool = new PrestartPool<PrestartedSandbox>({
    size,
    begin: (kind) => begin(builder, kind),
    end: ({ bare }) => endBare(bare),
    remember: (kinds) => rememberKinds(kindsFile, kinds),
  });
  const recall = () => {
    for (const kind of recallKinds(kindsFile, KINDS_MAX)) pool.expect(kind);
  };
  return { pool, recall };
}

/** What a process that waits reads from its gate: one line of JSON. */
export function assignmentText({ environment, cwd }: ProcessSpec): string {
  return `${JSON.stringify({ environment: Object.entries(environment), cwd })}\n`;
}

function begin(builder: SandboxBuilder, kind: PrestartKind): Prestarting<PrestartedSandbox> {
  let group: SandboxGroup | undefined;
  let weight = PRESTART_WEIGHT;
  const weigh = () => {
    try {
      group?.cpu?.weigh(weight);
    } catch {
      // The group has gone with its sandbox.
    }
  };
  return {
    waits: make(builder, kind, (taken) => {
      group = taken;
      weigh();
    }),
    hasten: () => {
      weight = INIT_WEIGHT;
      weigh();
    },
  };
}

async function make(
  builder: SandboxBuilder,
  { tmpBytes, prestart, datagrams }: PrestartKind,
  taken: (group: SandboxGroup) => void,
): Promise<PrestartedSandbox> {
  if (!prestart) throw new Error('nothing is to be started');
  const { argv, cwd, channel, mounts, gate } = prestart;
  const bare = await builder.build({ mounts, tmpBytes, prestart, datagrams }, taken, ['dir', cwd, 'gate', gate]);
  try {
    const { id, exited } = bare.running.begin();
    const { server, port, pipes } = bare.built;
    const handOver = keepConnection(server, bare.launcher.gone);
    const environment = { ...prestart.environment, _LAMBDAD_API: `${bare.network.runtimeApi.address}:${port}` };
    const report = await bare.launcher.startProcess(id, { role: 'runtime', argv, environment, cwd, channel });
    if (report.failed !== undefined) throw new SandboxFailed(`the runtime did not start (${report.step})`);
    const ended = exited.then((): never => {
      throw new SandboxFailed('the runtime ended before it had a function');
    });
    const { stdout } = pipes;
    await Promise.race([once(stdout, 'readable', { signal: AbortSignal.timeout(WAITS_MS_MAX) }), ended]);
    stdout.read();
    ended.catch(() => undefined);
    return { bare, id, exited, handOver, lost: exited };
  } catch (error) {
    await endBare(bare);
    throw error;
  }
}

/** The first connection to the server, for those who come to it later; there is no other before a function runs. */
function keepConnection(server: Server, gone: Promise<void>): () => void {
  let kept: Socket | undefined;
  const keep = (socket: Socket) => {
    if (kept) socket.destroy();
    else kept = socket;
  };
  server.on('connection', keep);
  // Nobody reads of its end before it is handed over.
  void gone.then(() => kept?.destroy());
  return () => {
    server.off('connection', keep);
    if (kept) server.emit('connection', kept);
    kept = undefined;
  };
}
