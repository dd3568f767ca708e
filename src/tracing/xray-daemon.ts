/** Segments to an X-Ray daemon: one datagram each, as its SDKs send them. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { deferred } from '../base/deferred.ts';
import type { DaemonAddress } from '../base/tracing-settings.ts';
import type { SegmentOwner } from '../invoke/segment-document.ts';
import { type AnySegment, noteOnce, type TraceTarget } from './trace-target.ts';

const HEAD = '{"format":"json","version":1}\n';
/** Of UDP over IPv4. */
const DATAGRAM_BYTES_MAX = 65_507;
/** Datagrams that wait for the name to be found or for the kernel to take them. */
const WAITING_MAX = 2048;
/** After a name that was not found. */
const RECONNECT_MS = 5000;

export class XrayDaemon implements TraceTarget {
  readonly name = 'xray';
  readonly counts = { sent: 0, dropped: 0 };
  readonly #address: DaemonAddress;
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #noted: ReturnType<typeof noteOnce>;
  readonly #quiet = deferred<void>();
  #socket: Socket | undefined;
  #isConnected = false;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Not yet given to the socket. */
  #waiting: Buffer[] = [];
  #underWay = 0;
  #isClosing = false;

  constructor(address: DaemonAddress, clock: Pick<Clock, 'monotonic' | 'after'>, note: (line: string) => void) {
    this.#address = address;
    this.#clock = clock;
    this.#noted = noteOnce(note);
  }

  send(segment: AnySegment, _owner: SegmentOwner, given?: Buffer): void {
    const datagram = given ?? Buffer.from(HEAD + JSON.stringify(segment));
    const isFull = this.#waiting.length + this.#underWay >= WAITING_MAX;
    if (this.#isClosing || isFull || datagram.length > DATAGRAM_BYTES_MAX) this.counts.dropped++;
    else if (this.#isConnected) this.#write(datagram);
    else if (this.#clock.monotonic() < this.#notBeforeMs) this.counts.dropped++;
    else {
      this.#waiting.push(datagram);
      this.#connect();
    }
  }

  async close(withinMs: number): Promise<void> {
    this.#isClosing = true;
    const timer = this.#clock.after(withinMs, () => this.#quiet.resolve());
    this.#settle();
    await this.#quiet.promise;
    timer.cancel();
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
    this.#end();
  }

  #connect(): void {
    if (this.#socket) return;
    const { host, port } = this.#address;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.unref();
    socket.on('error', (error) => this.#failed(socket, error));
    socket.connect(port, host, (error?: Error) => {
      if (error || socket !== this.#socket) return;
      this.#isConnected = true;
      for (const datagram of this.#waiting.splice(0)) this.#write(datagram);
    });
  }

  #write(datagram: Buffer): void {
    this.#underWay++;
    this.#socket?.send(datagram, (error) => {
      this.#underWay--;
      if (error) {
        this.counts.dropped++;
        this.#trouble(error);
      } else this.counts.sent++;
      this.#settle();
    });
  }

  /** Nobody listens there, which the kernel says of a datagram before; or the name is not known. */
  #failed(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    this.#trouble(error);
    if (this.#isConnected) {
      // It counted as sent when the kernel took it.
      if (this.counts.sent > 0) this.counts.sent--;
      this.counts.dropped++;
      return;
    }
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
    this.#notBeforeMs = this.#clock.monotonic() + RECONNECT_MS;
    this.#end();
    this.#settle();
  }

  #trouble(error: Error): void {
    const { host, port } = this.#address;
    this.#noted.trouble(`X-Ray daemon at ${host}:${port}: ${error.message}`);
  }

  #settle(): void {
    if (this.#isClosing && this.#underWay === 0 && this.#waiting.length === 0) this.#quiet.resolve();
  }

  #end(): void {
    this.#isConnected = false;
    this.#socket?.close();
    this.#socket = undefined;
  }
}
