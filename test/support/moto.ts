import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { skipUnless } from './requirement.ts';

/** Where moto is in an environment of its own, this names its interpreter: the one with boto3. */
const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';

/** Ends when its input does: however the test ends, moto goes with it. */
const PROGRAM = `
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger('werkzeug').setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('port', server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
`;

const READY_MS_MAX = 30_000;

let skip: string | false | undefined;

/** The `skip` option of a test that needs moto's server. */
export function skipWithoutMoto(): string | false {
  skip ??= skipUnless(
    spawnSync(python, ['-c', 'import moto.server'], { stdio: 'ignore' }).status === 0,
    "needs moto's server for python3 (pip install 'moto[server]'), or an interpreter that has it in PYTHON_WITH_BOTO3",
  );
  return skip;
}

export interface Moto {
  /** http://127.0.0.1:PORT, for every service of AWS. */
  readonly url: string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts moto's server on a free port and waits until it listens: every service of AWS in one process, empty, without
 * any check of signatures or permissions, in the account 123456789012 whoever asks.
 */
export async function startMoto(env: Readonly<Record<string, string>> = {}): Promise<Moto> {
  const child = spawn(python, ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.stdin.end();
    child.kill();
    await exited;
  };
  try {
    const url = `http://127.0.0.1:${await portOf(child)}`;
    return { url, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portOf(child: ChildProcess): Promise<number> {
  let output = '';
  let errors = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`moto did not start:\n${errors}`)), READY_MS_MAX);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const port = /^port (\d+)$/m.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-10_000);
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      reject(new Error(`moto ended:\n${errors}`));
    });
  });
}
