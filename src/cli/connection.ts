import { isIP } from 'node:net';
import type { Credentials } from '../protocol/sign-request.ts';
import type { Call, Environment } from './command.ts';
import { UsageError } from './failure.ts';

/** Where the server is and who asks. */
export interface Connection {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
}

const HOST_DEFAULT = '127.0.0.1';
const PORT_DEFAULT = '2015';
const REGION_DEFAULT = 'us-east-1';
/** A server on loopback checks no signatures unless it is told to: any key will do. */
const KEY_DEFAULT = 'test';

/** The connection that options and environment describe. Throws UsageError. */
export function connectionOf(call: Call): Connection {
  const { env } = call;
  return {
    endpoint: endpointUrl(call.text('endpoint') ?? (env['AWS_ENDPOINT_URL_LAMBDA'] || undefined) ?? serverUrl(env)),
    region: call.text('region') ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || REGION_DEFAULT),
    credentials: credentialsOf(env),
  };
}

/** The address at which a server that reads the same LAMBDAD_* variables answers. */
function serverUrl(env: Environment): string {
  const host = env['LAMBDAD_HOST'] || HOST_DEFAULT;
  // A server that listens on every address is reached on loopback.
  const reached = host === '0.0.0.0' ? HOST_DEFAULT : host === '::' ? '::1' : host;
  const port = env['LAMBDAD_PORT'];
  const known = port === undefined || port === '' || port === '0' ? PORT_DEFAULT : port;
  return `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${known}`;
}

function endpointUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${JSON.stringify(text)} is no http:// or https:// address of a server`);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function credentialsOf(env: Environment): Credentials {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) return { accessKeyId: KEY_DEFAULT, secretAccessKey: KEY_DEFAULT };
  const sessionToken = env['AWS_SESSION_TOKEN'];
  return sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey };
}
