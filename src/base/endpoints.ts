/**
 * Where the AWS services are that a setting can point at: the standard endpoint variables of the AWS SDKs, read once.
 */
import { hostname } from 'node:os';

/** The services by the name that their endpoint variable ends with, in lower case and with hyphens. */
export const neighbourNames = [
  's3',
  'kms',
  'ec2',
  'iam',
  'efs',
  'signer',
  'sqs',
  'sns',
  'kinesis',
  'dynamodb-streams',
  'eventbridge',
] as const;

/** STS stands apart: no setting points at it, and it is asked only for the credentials of functions. */
export type NeighbourName = (typeof neighbourNames)[number] | 'sts';

/** Address by service, of those that have one: an origin and perhaps a path, without a slash at the end. */
export type Endpoints = Readonly<Partial<Record<NeighbourName, string>>>;

/** The address at which this server will listen; port 0 is not known yet. */
export interface OwnAddress {
  readonly host: string;
  readonly port: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

const ANY_SERVICE = 'AWS_ENDPOINT_URL';

/** `AWS_ENDPOINT_URL_S3` and the like: the variable that gives the service an address. */
export function endpointVariable(name: NeighbourName): string {
  return `${ANY_SERVICE}_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Streams of DynamoDB are where DynamoDB is when nothing else is said: AWS has two services, its doubles have one. */
const FALLBACKS: Readonly<Partial<Record<NeighbourName, string>>> = { 'dynamodb-streams': `${ANY_SERVICE}_DYNAMODB` };

/**
 * The service's own variable wins over AWS_ENDPOINT_URL, and an address that is this server's own is none: a shell in
 * which AWS_ENDPOINT_URL points clients at lambdad must not make it its own neighbour. Throws an Error of one line for
 * what is no http or https address.
 */
export function readEndpoints(
  env: Variables,
  own: OwnAddress,
  names: readonly NeighbourName[] = neighbourNames,
): Endpoints {
  if (env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true') return {};
  const found: Partial<Record<NeighbourName, string>> = {};
  for (const name of names) {
    for (const variable of [endpointVariable(name), FALLBACKS[name], ANY_SERVICE]) {
      if (variable === undefined || !env[variable]) continue;
      const url = addressOf(variable, env[variable]);
      if (!isOwn(url, own)) found[name] = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
      break;
    }
  }
  return Object.freeze(found);
}

function addressOf(variable: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`${variable}: ${JSON.stringify(text)} is no http:// or https:// address`);
  return url;
}

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function isOwn(url: URL, { host, port }: OwnAddress): boolean {
  if (url.protocol !== 'http:' || Number(url.port || 80) !== port) return false;
  const own = host.includes(':') ? `[${host}]` : host;
  if (url.hostname === own) return true;
  // A server on every address or on one loopback address answers under each name of this machine's loopback.
  if (EVERY_ADDRESS.has(host)) return LOOPBACK.test(url.hostname) || url.hostname === hostname();
  return LOOPBACK.test(own) && LOOPBACK.test(url.hostname);
}
