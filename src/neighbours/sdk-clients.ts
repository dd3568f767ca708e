import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { LruMap } from '../base/lru.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import type { Namespace } from '../store/namespace.ts';
import { boundedHandler } from './bounded-handler.ts';
import type { Link } from './link.ts';

/** What each of the SDK's clients is made with: nothing of it is left to the machine's AWS configuration. */
export interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly maxAttempts: number;
  readonly requestHandler: NodeHttpHandler;
  readonly useDualstackEndpoint: false;
  readonly useFipsEndpoint: false;
}

/** Clients kept; each serves one account's region. */
const CLIENTS_MAX = 64;
/** The second is for a connection that the service closed while it was idle. */
const ATTEMPTS_MAX = 2;

/** Loads the SDK's package with the first question: the server starts without it. */
export function sdkClients<Client>(
  link: Link,
  load: () => Promise<(settings: ClientSettings) => Client>,
): (namespace: Namespace) => Promise<Client> {
  const clients = new LruMap<string, Client>(CLIENTS_MAX);
  let handler: Promise<NodeHttpHandler> | undefined;
  return async (namespace) => {
    const name = `${namespace.account} ${namespace.region}`;
    const known = clients.get(name);
    if (known !== undefined) return known;
    handler ??= boundedHandler(link, { streams: link.neighbour === 's3' });
    const [make, requestHandler] = await Promise.all([load(), handler]);
    const client =
      clients.get(name) ??
      make({
        endpoint: link.endpoint,
        region: namespace.region,
        credentials: link.credentials(namespace),
        maxAttempts: ATTEMPTS_MAX,
        requestHandler,
        useDualstackEndpoint: false,
        useFipsEndpoint: false,
      });
    clients.set(name, client);
    return client;
  };
}
