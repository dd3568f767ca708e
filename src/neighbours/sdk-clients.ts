import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { LruMap } from '../base/lru.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import { boundedHandler } from './bounded-handler.ts';
import type { Link } from './link.ts';
import type { Asker } from './neighbours.ts';

/** What each of the SDK's clients is made with: nothing of it is left to the machine's AWS configuration. */
export interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  /** A session is asked for anew when it is about to end. */
  readonly credentials: Credentials | (() => Promise<Credentials & { readonly expiration: Date }>);
  readonly maxAttempts: number;
  readonly requestHandler: NodeHttpHandler;
  readonly useDualstackEndpoint: false;
  readonly useFipsEndpoint: false;
}

/** Clients kept; each serves one account's region, or one function of it that acts in its role. */
const CLIENTS_MAX = 256;
/** The second is for a connection that the service closed while it was idle. */
const ATTEMPTS_MAX = 2;

/** Loads the SDK's package with the first question: the server starts without it. */
export function sdkClients<Client>(
  link: Link,
  load: () => Promise<(settings: ClientSettings) => Client>,
): (asker: Asker) => Promise<Client> {
  const clients = new LruMap<string, Client>(CLIENTS_MAX);
  let handler: Promise<NodeHttpHandler> | undefined;
  return async (asker) => {
    const { account, region, actingAs } = asker;
    const role = link.sessions && actingAs ? `${actingAs.functionName} ${actingAs.roleArn}` : '';
    const name = `${account} ${region} ${role}`;
    const known = clients.get(name);
    if (known !== undefined) return known;
    handler ??= boundedHandler(link, { streams: link.neighbour === 's3' });
    const [make, requestHandler] = await Promise.all([load(), handler]);
    const client =
      clients.get(name) ??
      make({
        endpoint: link.endpoint,
        region,
        credentials: credentialsOf(link, asker),
        maxAttempts: ATTEMPTS_MAX,
        requestHandler,
        useDualstackEndpoint: false,
        useFipsEndpoint: false,
      });
    clients.set(name, client);
    return client;
  };
}

/** Who asks there for something that another region may have; an ARN may name none. */
export function inRegion({ account, region, actingAs }: Asker, other: string): Asker {
  return { account, region: other || region, ...(actingAs === undefined ? {} : { actingAs }) };
}

function credentialsOf({ sessions, credentials }: Link, asker: Asker): ClientSettings['credentials'] {
  const { account, region, actingAs } = asker;
  if (sessions === undefined || actingAs === undefined) return credentials(asker);
  return async () => {
    const session = await sessions.of({ account, region, ...actingAs });
    return { ...session.credentials, expiration: new Date(session.expiresAtMs) };
  };
}
