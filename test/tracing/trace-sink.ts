/** What stands where an X-Ray daemon or an OpenTelemetry collector would: real sockets that keep what comes. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A segment document as it came; what a test looks at of it. */
export interface Segment {
  readonly trace_id: string;
  readonly id: string;
  readonly parent_id?: string;
  readonly name: string;
  readonly type?: string;
  readonly origin?: string;
  readonly resource_arn?: string;
  readonly start_time: number;
  readonly end_time: number;
  readonly fault?: true;
  readonly error?: true;
  readonly throttle?: true;
  readonly http?: { readonly response: { readonly status: number } };
  readonly aws?: Readonly<Record<string, unknown>>;
  readonly cause?: {
    readonly working_directory?: string;
    readonly exceptions: readonly {
      readonly id: string;
      readonly type: string;
      readonly message: string;
      readonly stack?: readonly unknown[];
    }[];
  };
  readonly subsegments?: readonly Segment[];
}

const WAIT_MS_MAX = 30_000;

/** Things that come one by one, and who waits for some of them. */
class Arrivals<Item> {
  readonly all: Item[] = [];
  #changed: () => void = () => undefined;

  add(item: Item): void {
    this.all.push(item);
    this.#changed();
  }

  /** Resolves with the first `count` that fit, as soon as they are there. */
  async some(fits: (item: Item) => boolean, count = 1): Promise<Item[]> {
    const deadline = AbortSignal.timeout(WAIT_MS_MAX);
    for (;;) {
      const found = this.all.filter(fits);
      if (found.length >= count) return found;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#changed = resolve;
      const late = () => reject(new Error(`only ${found.length} of ${count} came: ${JSON.stringify(this.all)}`));
      if (deadline.aborted) late();
      deadline.addEventListener('abort', late);
      await promise.finally(() => deadline.removeEventListener('abort', late));
    }
  }
}

/** A daemon on a free port of this machine. */
export async function startDaemon() {
  const socket = createSocket('udp4');
  const heads = new Set<string>();
  const segments = new Arrivals<Segment>();
  socket.on('message', (datagram) => {
    const [head = '', document = ''] = datagram.toString().split('\n', 2);
    heads.add(head);
    segments.add(JSON.parse(document) as Segment);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    /** First lines of all datagrams. */
    heads,
    segments,
    /** The two segments of an invoke, by its request id. */
    async pair(requestId: string): Promise<{ readonly lambda: Segment; readonly run: Segment }> {
      const found = await segments.some(({ aws }) => aws?.['request_id'] === requestId, 2);
      const of = (origin: string) => found.find((one) => one.origin === origin) as Segment;
      return { lambda: of('AWS::Lambda'), run: of('AWS::Lambda::Function') };
    },
    close: () => socket.close(),
  };
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly events?: readonly { readonly name: string }[];
  readonly status?: { readonly code: number; readonly message?: string };
  /** The service.name of its resource. */
  readonly service: unknown;
}

interface Posted {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

/** A collector on a free port. `status` is asked for each request and may say another one than 200. */
export async function startCollector(status: () => number = () => 200) {
  const spans = new Arrivals<Span>();
  const requests: { readonly url: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer(async (request, response) => {
    requests.push({ url: request.url, headers: request.headers });
    const { resourceSpans } = (await json(request)) as Posted;
    const code = status();
    response.writeHead(code, { 'Content-Type': 'application/json' }).end('{}');
    if (code !== 200) return;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value['stringValue'];
      for (const { spans: some } of scopeSpans) for (const span of some) spans.add({ ...span, service });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
