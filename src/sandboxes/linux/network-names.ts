import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Destination } from './port-relay.ts';

/**
 * How names are resolved inside: /etc/hosts, and an /etc/resolv.conf with the host's name servers as far as a sandbox
 * reaches them. Where it reaches none (they are on the host itself, or link-local), TCP port 53 of its own loopback
 * address leads to the host's by way of the server.
 */

/** `host.lambdad.internal` is where allowed ports of the host are: the sandbox's own loopback address. */
export const hostsFile =
  '127.0.0.1 localhost\n127.0.0.1 sandbox.localdomain\n127.0.0.1 host.lambdad.internal\n::1 localhost\n';

const RESOLV_CONF = '/etc/resolv.conf';
/** The name servers behind the stub of systemd-resolved. */
const UPSTREAM_RESOLV_CONF = '/run/systemd/resolve/resolv.conf';
const DNS_PORT = 53;
/** As many as the C library reads. */
const NAME_SERVERS_MAX = 3;

export interface NameService {
  readonly resolvConf: string;
  /** What port 53 of the sandbox leads to, when no name server can be reached directly. */
  readonly relayed?: Destination;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function nameServersIn(text: string): string[] {
  return [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, address = '']) => address);
}

/** The lines that matter besides the servers; what concerns how they are asked is decided here. */
function searchLinesIn(text: string): string[] {
  return text.split('\n').filter((line) => /^\s*(search|domain|options)\s/.test(line));
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === '0.0.0.0';
}

/** The same kernel answers at these; sandboxes have IPv4 alone, and nothing link-local. */
function isReachable(address: string, own: ReadonlySet<string>): boolean {
  return isIPv4(address) && !isLoopback(address) && !address.startsWith('169.254.') && !own.has(address);
}

/** From the host's present settings; `files` gives the text of a file, for tests. */
export function nameService(
  files: (path: string) => string = read,
  interfaces: typeof networkInterfaces = networkInterfaces,
): NameService {
  const own = new Set(
    Object.values(interfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
  );
  const text = files(RESOLV_CONF);
  let servers = nameServersIn(text);
  if (servers.length > 0 && servers.every(isLoopback))
    servers = [...nameServersIn(files(UPSTREAM_RESOLV_CONF)), ...servers];
  const reachable = servers.filter((address) => isReachable(address, own)).slice(0, NAME_SERVERS_MAX);
  const others = searchLinesIn(text);
  if (reachable.length > 0) return { resolvConf: lines(reachable, others) };
  // Without a name server the C library asks its own machine.
  const addresses = servers.length > 0 ? servers.slice(0, NAME_SERVERS_MAX) : ['127.0.0.1'];
  return {
    resolvConf: lines(['127.0.0.1'], [...others, 'options use-vc']),
    relayed: { addresses, port: DNS_PORT },
  };
}

function lines(servers: readonly string[], others: readonly string[]): string {
  return [...servers.map((address) => `nameserver ${address}`), ...others, ''].join('\n');
}
