import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { createFunction, type Deployed, invokeFunction } from '../support/functions.ts';

/** Functions that say what they reach: each target is a host and a port, each answer what was read or the error. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds after which a silent target counts as not reached. */
const SILENCE_MS_MAX = 1500;

const NODE = `
import { connect } from 'node:net';
const reach = ({ host, port }) => new Promise((resolve) => {
  let text = '';
  const socket = connect({ host, port });
  socket.setTimeout(${SILENCE_MS_MAX}, () => { socket.destroy(); resolve('silence'); });
  socket.on('error', (error) => resolve(error.code ?? error.name));
  socket.on('connect', () => socket.write('GET / HTTP/1.0\\r\\n\\r\\n'));
  socket.on('data', (part) => { text += part; });
  socket.on('end', () => { socket.destroy(); resolve(text.split('\\r\\n\\r\\n').at(-1)); });
});
export const handler = async ({ targets }) => Promise.all(targets.map(reach));`;

const PYTHON = `
import concurrent.futures, socket
def reach(target):
    try:
        with socket.create_connection((target['host'], target['port']), ${SILENCE_MS_MAX / 1000}) as connection:
            connection.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            text = b''
            while part := connection.recv(4096):
                text += part
            return text.decode().split('\\r\\n\\r\\n')[-1]
    except socket.timeout:
        return 'silence'
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(reach, event['targets']))`;

export type Language = 'node' | 'python';

/** The Python runtime of this machine's own interpreter. */
export async function createProbe(
  client: LambdaClient,
  name: string,
  language: Language = 'node',
  settings: Partial<Deployed> = {},
): Promise<void> {
  const of =
    language === 'node'
      ? { files: { 'index.mjs': NODE } }
      : { files: { 'index.py': PYTHON }, Runtime: 'python3.13' as Runtime };
  await createFunction(client, name, { Timeout: 20, MemorySize: 256, ...of, ...settings });
}

/** What each target answered, by `host:port`. */
export async function probe(
  client: LambdaClient,
  name: string,
  targets: readonly Target[],
): Promise<Map<string, string>> {
  const { payload, error } = await invokeFunction(client, name, { targets });
  if (error !== undefined) throw new Error(JSON.stringify(payload));
  const answers = payload as string[];
  return new Map(targets.map(({ host, port }, at) => [`${host} ${port}`, answers[at] ?? '']));
}
