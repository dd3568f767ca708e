/**
 * A function whose AWS_ENDPOINT_URL* variables name this machine's loopback address means a service of the developer's
 * machine. Inside its sandbox that address is the sandbox: only ports that the server was told of lead out of it.
 */

const ENDPOINT = /^AWS_ENDPOINT_URL(_|$)/;
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0|host\.lambdad\.internal)$/;
/** Beyond it a function has more variables than services. */
const NOTES_MAX = 50;

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/** One sentence for each variable that leads nowhere, with the flag that mends it. */
export function unreachableEndpoints(
  variables: Readonly<Record<string, string>>,
  hostPorts: 'all' | ReadonlySet<number>,
): string[] {
  if (hostPorts === 'all') return [];
  return Object.entries(variables)
    .filter(([name]) => ENDPOINT.test(name))
    .flatMap(([name, text]) => {
      const url = URL.parse(text);
      if (!url || !/^https?:$/.test(url.protocol) || !LOOPBACK.test(url.hostname)) return [];
      const port = portOf(url);
      if (hostPorts.has(port)) return [];
      return [
        `${name} is ${url.origin}, which inside a function is the function itself; to reach port ${port} of this ` +
          `machine start the server with --allow-host ${[...hostPorts, port].join(',')}`,
      ];
    })
    .slice(0, NOTES_MAX);
}
