import type { Refusal, TelemetryApiName } from './answers.ts';
import type { SchemaVersion, TelemetryType } from './event-record.ts';

/**
 * The body of a subscription, judged. Ranges, defaults and the first two texts are those of runtime-facts 2 and of AWS's
 * pages on the two APIs; the texts of the other refusals are in their manner. A type named twice counts once.
 */
export interface Subscription {
  readonly schema: SchemaVersion;
  readonly types: readonly TelemetryType[];
  readonly buffering: Buffering;
  readonly destination: Destination;
}

export interface Buffering {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Always a port of the environment's own loopback address, whatever the host is called. */
export type Destination = HttpTarget | TcpTarget;

export interface HttpTarget {
  readonly protocol: 'HTTP';
  readonly port: number;
  /** For the Host header, with the port. */
  readonly authority: string;
  /** Path and query. */
  readonly path: string;
  readonly method: 'POST' | 'PUT';
}

export interface TcpTarget {
  readonly protocol: 'TCP';
  readonly port: number;
}

const TYPES: readonly TelemetryType[] = ['platform', 'function', 'extension'];
/** AWS documents the first; its older samples say the second. */
const HOSTS: readonly string[] = ['sandbox.localdomain', 'sandbox'];
/** The local APIs of the environment listen there. */
const RESERVED_PORT = 9001;
const PORT_MAX = 65_535;

interface Range {
  readonly least: number;
  readonly most: number;
  readonly normally: Readonly<Record<TelemetryApiName, number>>;
}

const RANGES: Readonly<Record<keyof Buffering, Range>> = {
  maxItems: { least: 1000, most: 10_000, normally: { Telemetry: 1000, Logs: 10_000 } },
  maxBytes: { least: 262_144, most: 1_048_576, normally: { Telemetry: 262_144, Logs: 262_144 } },
  timeoutMs: { least: 25, most: 30_000, normally: { Telemetry: 1000, Logs: 1000 } },
};

const SCHEMAS: Readonly<Record<TelemetryApiName, readonly SchemaVersion[]>> = {
  Telemetry: ['2022-07-01', '2022-12-13', '2025-01-29'],
  Logs: ['2020-08-15', '2021-03-18'],
};

type Members = Readonly<Record<string, unknown>>;

/** What is asked for, or how it is refused: everything that is wrong in one message. */
export function judgeSubscription(body: Buffer, api: TelemetryApiName): Subscription | Refusal {
  const problems: string[] = [];
  const request = objectOf(parsed(body));
  if (!request) return invalid(api, ['The request body is not a JSON object']);
  const schema = schemaOf(request['schemaVersion'], api, problems);
  const destination = destinationOf(request['destination'], problems);
  const types = typesOf(request['types'], problems);
  const buffering = bufferingOf(request['buffering'], api, problems);
  if (typeof destination === 'string') {
    return { status: '403 Forbidden', errorType: `${api}.AccessDenied`, errorMessage: destination };
  }
  if (!schema || !destination || problems.length > 0) return invalid(api, problems);
  return { schema, types, buffering, destination };
}

export function isRefusal(judged: Subscription | Refusal): judged is Refusal {
  return 'errorType' in judged;
}

/** AWS names the Telemetry API's error without a prefix and the Logs API's with one. */
function invalid(api: TelemetryApiName, problems: readonly string[]): Refusal {
  const errorType = api === 'Telemetry' ? 'ValidationError' : 'Logs.ValidationError';
  return { status: '400 Bad Request', errorType, errorMessage: problems.join('; ') };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

function schemaOf(value: unknown, api: TelemetryApiName, problems: string[]): SchemaVersion | undefined {
  if (value === undefined && api === 'Logs') return '2020-08-15';
  const known = SCHEMAS[api].find((version) => version === value);
  if (!known) problems.push(`${api}API only supports the following SchemaVersion: ${SCHEMAS[api].join(', ')}`);
  return known;
}

/** A text is why the destination is none that telemetry ever goes to. */
function destinationOf(value: unknown, problems: string[]): Destination | string | undefined {
  const destination = objectOf(value);
  if (!destination) {
    problems.push('missing field `destination`');
    return undefined;
  }
  const { protocol, encoding = 'JSON' } = destination;
  if (encoding !== 'JSON') problems.push(unknownVariant(encoding, ['JSON']));
  if (protocol === 'HTTP') return httpTarget(destination, problems);
  if (protocol === 'TCP') return tcpTarget(destination['port'], problems);
  problems.push(protocol === undefined ? 'missing field `protocol`' : unknownVariant(protocol, ['HTTP', 'TCP']));
  return undefined;
}

/** Scheme, host, port with its colon, path and query; a fragment is left out. What else a URI may hold has no place here. */
const URI = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([A-Za-z0-9._-]+)(?::(\d*))?((?:[/?][\x21\x22\x24-\x7e]*)?)(?:#.*)?$/;

function httpTarget({ URI: uri, method = 'POST' }: Members, problems: string[]): HttpTarget | string | undefined {
  if (typeof uri !== 'string') {
    problems.push('missing field `URI`');
    return undefined;
  }
  const match = URI.exec(uri);
  if (!match) {
    problems.push('invalid destination URI');
    return undefined;
  }
  const [, scheme = '', host = '', digits = '', target = ''] = match;
  if (scheme.toLowerCase() !== 'http') return "Only 'http' scheme is supported.";
  if (!HOSTS.includes(host.toLowerCase())) return "Only 'sandbox.localdomain' hostname is supported.";
  if (method !== 'POST' && method !== 'PUT') problems.push(unknownVariant(method, ['POST', 'PUT']));
  if (digits === '') problems.push('URI port is not provided');
  const port = Number(digits);
  if (digits !== '') judgePort(port, problems);
  const path = target.startsWith('/') ? target : `/${target}`;
  return { protocol: 'HTTP', port, authority: `${host}:${port}`, path, method: method === 'PUT' ? 'PUT' : 'POST' };
}

function tcpTarget(port: unknown, problems: string[]): TcpTarget | undefined {
  if (typeof port !== 'number') {
    problems.push('missing field `port`');
    return undefined;
  }
  judgePort(port, problems);
  return { protocol: 'TCP', port };
}

function judgePort(port: number, problems: string[]): void {
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) problems.push(`port should be between 1 and ${PORT_MAX}`);
  else if (port === RESERVED_PORT) problems.push(`port ${RESERVED_PORT} is reserved`);
}

function typesOf(value: unknown, problems: string[]): readonly TelemetryType[] {
  const named: unknown[] = Array.isArray(value) ? value : [];
  if (named.length === 0) problems.push('types should not be empty');
  const unknown = named.find((type) => !TYPES.includes(type as TelemetryType));
  if (unknown !== undefined) problems.push(unknownVariant(unknown, TYPES));
  return [...new Set(named as TelemetryType[])];
}

function bufferingOf(value: unknown, api: TelemetryApiName, problems: string[]): Buffering {
  const asked = value === undefined ? {} : objectOf(value);
  if (!asked) problems.push('buffering should be an object');
  const settings = { maxItems: 0, maxBytes: 0, timeoutMs: 0 };
  for (const [name, { least, most, normally }] of Object.entries(RANGES) as [keyof Buffering, Range][]) {
    const setting = asked?.[name] ?? normally[api];
    const isWithin = Number.isInteger(setting) && (setting as number) >= least && (setting as number) <= most;
    if (!isWithin) problems.push(`${name} should be between ${least} and ${most}`);
    settings[name] = setting as number;
  }
  return settings;
}

const QUOTED_CHARACTERS_MAX = 100;

function unknownVariant(value: unknown, variants: readonly string[]): string {
  const expected = variants.map((variant) => `\`${variant}\``).join(variants.length === 2 ? ' or ' : ', ');
  const quoted = (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, QUOTED_CHARACTERS_MAX);
  return `unknown variant \`${quoted}\`, expected ${variants.length > 2 ? 'one of ' : ''}${expected}`;
}
