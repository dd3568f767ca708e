import type { Clock } from '../../base/clock.ts';
import type { Ids } from '../../base/ids.ts';
import { OutputWatch } from '../output-watch.ts';
import type { Sandbox, SandboxKind } from '../sandbox.ts';
import type { CompileRequest } from './compile-request.ts';
import { type CompiledFiles, readCompiledFiles } from './compiled-files.ts';

/** One process that compiles a function's code, in a sandbox that has the code, no credentials, and ends with it. */

/** What one may hand over. */
const BYTES_MAX = 33_554_432;
const RUN_MS_MAX = 60_000;
const TMP_BYTES = 536_870_912;
const MEMORY_BYTES = 805_306_368;

export interface CompileTools {
  readonly sandboxes: SandboxKind;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Undefined when nothing is to be kept; rejects when it failed. `began` is told of the sandbox. */
export async function compileCode(
  { mounts, argv, environment }: CompileRequest,
  { sandboxes, clock, ids }: CompileTools,
  began: (sandbox: Sandbox) => void,
): Promise<CompiledFiles | undefined> {
  const sandbox = await sandboxes.create({ id: ids.hex(16), mounts, tmpBytes: TMP_BYTES, memoryBytes: MEMORY_BYTES });
  const timer = clock.after(RUN_MS_MAX, () => void sandbox.destroy());
  try {
    began(sandbox);
    sandbox.limitCpu(true);
    const { stdout, stderr, log, exited } = await sandbox.start({ role: 'runtime', argv, environment, cwd: '/tmp' });
    const output = new OutputWatch();
    for (const stream of [stderr, log]) output.connect(stream, () => undefined);
    const pieces: Buffer[] = [];
    let bytes = 0;
    output.connect(stdout, (piece) => {
      bytes += piece.length;
      if (bytes <= BYTES_MAX) pieces.push(piece);
      else void sandbox.destroy();
    });
    const { code } = await exited;
    await output.drain();
    if (code === 0 && bytes === 0) return undefined;
    const files = code === 0 && bytes <= BYTES_MAX ? readCompiledFiles(Buffer.concat(pieces)) : undefined;
    if (!files) throw new Error('the process that compiles has failed');
    return files;
  } finally {
    timer.cancel();
    await sandbox.destroy();
  }
}
