/**
 * Where segments of traces go: flags, or else the variables under which the X-Ray daemon and OpenTelemetry collectors are
 * known everywhere.
 */

export interface TracingSettings {
  readonly xrayDaemon?: DaemonAddress;
  readonly otlp?: OtlpEndpoint;
}

export interface DaemonAddress {
  /** A name or an address, without brackets. */
  readonly host: string;
  /** Of its UDP socket. */
  readonly port: number;
}

export interface OtlpEndpoint {
  /** To which traces are posted. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TracingFlags {
  readonly xrayDaemon: string | undefined;
  readonly otlpEndpoint: string | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

const DAEMON_VARIABLE = 'AWS_XRAY_DAEMON_ADDRESS';
const OTLP_VARIABLE = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const OTLP_TRACES_VARIABLE = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const TRACES_PATH = '/v1/traces';
const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** A flag wins over its variables. Throws an Error of one line that names the flag or the variable. */
export function readTracingSettings(flags: TracingFlags, env: Variables): TracingSettings {
  const daemon = flags.xrayDaemon ?? (env[DAEMON_VARIABLE] || undefined);
  const otlp = otlpUrl(flags.otlpEndpoint, env);
  return {
    ...(daemon === undefined
      ? {}
      : { xrayDaemon: daemonAddress(flags.xrayDaemon === undefined ? DAEMON_VARIABLE : '--xray-daemon', daemon) }),
    ...(otlp === undefined ? {} : { otlp: { url: otlp, headers: otlpHeaders(env) } }),
  };
}

/** `HOST:PORT`, or the form of X-Ray's SDKs with an address for each of both protocols: `tcp:HOST:PORT udp:HOST:PORT`. */
function daemonAddress(name: string, text: string): DaemonAddress {
  const given = text.trim().split(/\s+/);
  const one = given.length === 1 ? text.trim() : given.find((part) => part.startsWith('udp:'));
  const [, v6, host = v6, port] = ADDRESS.exec(one?.replace(/^udp:/, '') ?? '') ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new Error(`${name}: ${JSON.stringify(text)} is not HOST:PORT`);
  return { host, port: Number(port) };
}

/** Variables that ask for another protocol than HTTP mean somebody else. */
function otlpUrl(flag: string | undefined, env: Variables): string | undefined {
  if (flag !== undefined) return tracesUrl('--otlp-endpoint', flag);
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/json';
  if (!protocol.startsWith('http') || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  const whole = env[OTLP_TRACES_VARIABLE];
  if (whole) return httpUrl(OTLP_TRACES_VARIABLE, whole).href;
  const base = env[OTLP_VARIABLE];
  return base ? tracesUrl(OTLP_VARIABLE, base) : undefined;
}

function tracesUrl(name: string, text: string): string {
  const url = httpUrl(name, text);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith(TRACES_PATH) ? path : `${path}${TRACES_PATH}`;
  return url.href;
}

function httpUrl(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`${name}: not an address of the form http://HOST:PORT`);
  return url;
}

/** `name=value,name=value`, values in the encoding of URLs. They may be secrets: what is wrong is not repeated. */
function otlpHeaders(env: Variables): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const variable of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'])
    for (const pair of (env[variable] ?? '').split(',')) {
      if (pair.trim() === '') continue;
      const at = pair.indexOf('=');
      const name = pair.slice(0, Math.max(at, 0)).trim().toLowerCase();
      const value = decoded(pair.slice(at + 1).trim());
      if (!HEADER_NAME.test(name) || value === undefined || !HEADER_VALUE.test(value))
        throw new Error(`${variable}: not of the form name=value,name=value`);
      headers[name] = value;
    }
  return headers;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** What segments go to, without saying where that is. */
export function tracingKinds({ xrayDaemon, otlp }: TracingSettings): readonly string[] {
  return [...(xrayDaemon === undefined ? [] : ['X-Ray daemon']), ...(otlp === undefined ? [] : ['OTLP'])];
}

/** For people: where segments go, one sentence for each. No more than the origin of a URL is told. */
export function tracingTexts({ xrayDaemon, otlp }: TracingSettings): readonly string[] {
  return [
    ...(xrayDaemon === undefined ? [] : [`X-Ray daemon at ${xrayDaemon.host}:${xrayDaemon.port}`]),
    ...(otlp === undefined ? [] : [`OTLP to ${new URL(otlp.url).origin}`]),
  ];
}
