import type { Socket } from 'node:net';
import { afterReading, READ_BYTES } from '../base/after-reading.ts';
import { readStraight } from '../base/read-straight.ts';
import { ExtensionsApi } from './extensions/extensions-api.ts';
import { METADATA_PATH, type MetadataApi } from './metadata-api.ts';
import { internalServerError, notFound, truncated } from './runtime-api/answers.ts';
import { Connection } from './runtime-api/connection.ts';
import { FramedRuntime } from './runtime-api/framed-runtime.ts';
import { FRAMES_PROTOCOL, SWITCHING } from './runtime-api/frames.ts';
import { type ApiRequest, MalformedRequest, RequestParser } from './runtime-api/request-parser.ts';
import { NEXT_PATH, RESPONSE_BYTES_MAX, type RuntimeApi } from './runtime-api/runtime-api.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/**
 * The one listener of an execution environment: takes the connections of its processes and routes their requests to the
 * Runtime API, the Extensions API, the metadata endpoint and the subscriptions of the Telemetry and Logs APIs.
 */

/** Connections one environment may hold open at a time; the official clients use one or two each. */
const CONNECTIONS_MAX = 64;

const TELEMETRY_PATHS: readonly string[] = ['/2022-07-01/telemetry', '/2020-08-15/logs'];

export interface LocalApisParts {
  readonly runtime: RuntimeApi;
  readonly extensions: ExtensionsApi;
  readonly metadata: MetadataApi;
  readonly telemetry: Telemetry;
  /** A connection is gone. */
  readonly closed: (connection: Connection) => void;
  /** A request could not be answered, which is our fault. */
  readonly failed: (error: Error) => void;
}

export class LocalApis {
  readonly #parts: LocalApisParts;
  readonly #connections = new Set<Connection>();

  constructor(parts: LocalApisParts) {
    this.#parts = parts;
  }

  /** Takes over a connection of one of the environment's processes. */
  attach(socket: Socket): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket);
    this.#connections.add(connection);
    socket.setNoDelay(true);
    let frames: FramedRuntime | undefined;
    const parser = new RequestParser(RESPONSE_BYTES_MAX, {
      begun: (head) => this.#parts.runtime.begun(connection, head),
      request: (request) => {
        if (connection.isBlocked || !asksForFrames(request)) this.#route(connection, request);
        else {
          parser.stop();
          connection.answer(SWITCHING);
          connection.flush();
          frames = new FramedRuntime(connection, this.#parts.runtime);
          frames.ask();
        }
      },
    });
    const feed = (chunk: Buffer) => {
      const rest = parser.hasStopped() ? chunk : parser.feed(chunk);
      if (rest !== undefined) frames?.feed(rest);
    };
    const read: Buffer[] = [];
    const take = () => {
      for (const chunk of read.splice(0)) {
        // Its process is gone, and another's may have its place.
        if (!this.#connections.has(connection)) return;
        try {
          feed(chunk);
          connection.flush();
        } catch (error) {
          // Whatever a process sends, the server stands: a fault of ours costs this connection, and the log tells of it.
          if (!(error instanceof MalformedRequest)) this.#parts.failed(error as Error);
          connection.end(error instanceof MalformedRequest ? truncated : internalServerError);
        }
      }
    };
    readStraight(socket, (chunk) => {
      if (read.push(chunk) > 1 || chunk.length >= READ_BYTES) take();
      else afterReading(take);
    });
    // Who ends its side within a body is told so: its own side may still listen.
    socket.allowHalfOpen = true;
    socket.on('end', () => {
      // A local socket's end comes in the turn of what was sent before it, when its process is gone.
      take();
      if (parser.unfinished || frames?.isWithin) {
        this.#parts.closed(connection);
        connection.end(truncated);
      } else socket.end();
    });
    socket.on('drain', () => connection.resume());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#connections.delete(connection);
      this.#parts.closed(connection);
    });
  }

  /** The processes are gone: so are their connections. */
  reset(): void {
    for (const { socket } of this.#connections) socket.destroy();
    this.#connections.clear();
  }

  #route(connection: Connection, request: ApiRequest): void {
    const { path } = request;
    const { runtime, extensions, metadata, telemetry } = this.#parts;
    if (path === NEXT_PATH || path.startsWith('/2018-06-01/')) runtime.request(connection, request);
    else if (ExtensionsApi.serves(path)) extensions.request(connection, request);
    else if (path === METADATA_PATH) connection.answer(metadata.answer(request));
    else connection.answer(TELEMETRY_PATHS.includes(path) ? telemetry.answer(request) : notFound);
  }
}

/** A bootstrap of lambdad's own does with its first request for an event; HTTP goes on for whoever does not. */
function asksForFrames({ method, path, headers }: ApiRequest): boolean {
  return path === NEXT_PATH && method === 'GET' && headers.get('upgrade') === FRAMES_PROTOCOL;
}
