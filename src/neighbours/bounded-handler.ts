/** The HTTP of the SDK's clients: one pool of connections for each neighbour, and answers of bounded size. */
import { pipeline, type Readable, Transform } from 'node:stream';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { ANSWER_BYTES_MAX, CONNECT_MS_MAX, type Link } from './link.ts';

/** Questions on their way to one neighbour; more wait, each within its own time. */
const CONNECTIONS_MAX = 256;

type Handle = NodeHttpHandler['handle'];

/**
 * One handler serves the clients of all accounts and regions: a client that is forgotten leaves no connections behind.
 * The clients read errors and most answers in one piece, whatever their size: here they end at ANSWER_BYTES_MAX, or where the link says.
 * `streams`: answers of status 200 are read piece by piece, and measured by whoever reads them.
 */
export async function boundedHandler(link: Link, { streams }: { readonly streams: boolean }): Promise<NodeHttpHandler> {
  const { NodeHttpHandler: Handler } = await import('@smithy/node-http-handler');
  const bytesMax = link.answerBytesMax ?? ANSWER_BYTES_MAX;
  const agents = { keepAlive: true, maxSockets: CONNECTIONS_MAX };
  // One kind of handler for all: the client of Kinesis would bring HTTP/2, which the doubles of AWS do not speak.
  const handler = new Handler({
    connectionTimeout: CONNECT_MS_MAX,
    socketTimeout: link.answerMsMax,
    httpAgent: agents,
    httpsAgent: agents,
  });
  const handle: Handle = handler.handle.bind(handler);
  handler.handle = async (request, options) => {
    const answer = await handle(request, options);
    const { response } = answer;
    const isStream = streams && response.statusCode >= 200 && response.statusCode < 300;
    if (!isStream && response.body !== undefined) response.body = bounded(response.body as Readable, bytesMax);
    return answer;
  };
  return handler;
}

function bounded(body: Readable, bytesMax: number): Readable {
  let length = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length <= bytesMax) done(null, chunk);
      else done(new Error(`more than ${bytesMax} bytes`));
    },
  });
  // What goes wrong on either side shows where the answer is read.
  return pipeline(body, limit, () => {});
}
