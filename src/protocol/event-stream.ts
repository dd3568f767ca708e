/**
 * Messages of `application/vnd.amazon.eventstream`, the encoding of answers that arrive event by event: four bytes of
 * total length, four of the headers' length, CRC-32 of those eight, headers, payload, CRC-32 of all before it. A header
 * is its name behind one byte of length, the type 7 (string), and its value behind two bytes of length.
 */
import { crc32 } from 'node:zlib';

/** What the encoding allows for one payload; AWS's own decoders refuse more. */
export const EVENT_PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
const STRING_TYPE = 7;

/** The part of a kind of event that is the same each time. */
export class EventKind {
  readonly #headers: Buffer;

  /** `type` is the member of the event stream's union, `PayloadChunk` say. */
  constructor(type: string, contentType: string) {
    this.#headers = Buffer.concat([
      header(':event-type', type),
      header(':content-type', contentType),
      header(':message-type', 'event'),
    ]);
  }

  /** One message in pieces to be written behind each other; the payload, which may be in pieces itself, is not copied. */
  message(payload: readonly Uint8Array[]): readonly Uint8Array[] {
    let payloadBytes = 0;
    for (const piece of payload) payloadBytes += piece.byteLength;
    if (payloadBytes > EVENT_PAYLOAD_BYTES_MAX) throw new Error(`an event of ${payloadBytes} bytes is too large`);
    const headers = this.#headers;
    const head = Buffer.allocUnsafe(PRELUDE_BYTES + headers.length);
    head.writeUInt32BE(PRELUDE_BYTES + headers.length + payloadBytes + CRC_BYTES, 0);
    head.writeUInt32BE(headers.length, 4);
    head.writeUInt32BE(crc32(head.subarray(0, 8)), 8);
    headers.copy(head, PRELUDE_BYTES);
    let crc = crc32(head);
    for (const piece of payload) crc = crc32(piece, crc);
    const end = Buffer.allocUnsafe(CRC_BYTES);
    end.writeUInt32BE(crc, 0);
    return [head, ...payload, end];
  }
}

function header(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name);
  const valueBytes = Buffer.from(value);
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(STRING_TYPE, 0);
  lengths.writeUInt16BE(valueBytes.length, 1);
  return Buffer.concat([Buffer.from([nameBytes.length]), nameBytes, lengths, valueBytes]);
}
