import { execFile } from 'node:child_process';

/** A fetch that takes longer will not end. */
const FETCH_MS_MAX = 600_000;
const OUTPUT_BYTES_MAX = 4 * 1_048_576;
const COMPLAINT_CHARACTERS_MAX = 500;

/** The client is not on PATH. */
export class ClientMissing extends Error {}

/**
 * Runs a package client to its end. Rejects with ClientMissing, or with an Error whose message is what the client
 * complained of.
 */
export function runClient(
  program: string,
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  // Settings of an outer npm (npm start) are in npm_config_* variables and are not meant for this run.
  const env = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^npm_(config_)?(omit|prefix|global)/i.test(name)),
  );
  const options = {
    cwd: directory,
    env,
    timeout: FETCH_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX,
    shell: process.platform === 'win32',
  };
  return new Promise((resolve, reject) => {
    // The server may end meanwhile. npm answers a kinder signal by going back over what it did, which goes with its folder.
    const stop = () => void child.kill('SIGKILL');
    process.once('exit', stop);
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      process.removeListener('exit', stop);
      if (!error) return resolve();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return reject(new ClientMissing(`${program}, which fetches it, is not on the PATH.`));
      const complaint = (stderr.trim() || stdout.trim() || error.message).slice(0, COMPLAINT_CHARACTERS_MAX);
      reject(new Error(`${program} could not fetch it: ${complaint}`));
    });
    child.stdin?.end();
  });
}
