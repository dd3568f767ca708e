import { crc32, deflateRawSync } from 'node:zlib';

export interface RawEntry {
  /** Bytes where the name is to be no UTF-8. */
  readonly name: string | Uint8Array;
  readonly content?: Uint8Array | string;
  /** Unix mode with its kind; 0 for a zip that was not made on Unix. */
  readonly mode?: number;
  /** What the zip claims, where that differs from the truth. */
  readonly claimedBytes?: number;
  readonly claimedCrc?: number;
  readonly flags?: number;
  readonly method?: number;
  /** What the entry's own header is called, where that differs from the directory. */
  readonly localName?: string;
  /** The entry has no data of its own: the directory leads to that of the entry with this number. */
  readonly dataOf?: number;
}

const UTF8_NAME = 0x800;

/** A zip byte by byte, for what no honest program writes. */
export function rawZip(entries: readonly RawEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const entry of entries) {
    const { name, content = '', mode = 0o100644, flags = 0, method = 8, ...claimed } = entry;
    const bytes = Buffer.from(content);
    const data = method === 8 ? deflateRawSync(bytes) : bytes;
    const path = Buffer.from(name as string);
    const localPath = Buffer.from(entry.localName ?? path);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags | UTF8_NAME, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(claimed.claimedCrc ?? crc32(bytes), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(claimed.claimedBytes ?? bytes.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const localFields = Buffer.from(fields);
    localFields.writeUInt16LE(localPath.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), localFields, localPath, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(entry.dataOf === undefined ? offset : (offsets[entry.dataOf] ?? 0), 10);
    const madeBy = Buffer.from([20, mode === 0 ? 0 : 3]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), madeBy, fields, tail, path]));
    offsets.push(offset);
    if (entry.dataOf !== undefined) continue;
    locals.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  return Buffer.concat([...locals, listed, endOf(entries.length, listed.length, offset)]);
}

function endOf(entries: number, directoryBytes: number, directoryAt: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries, 8);
  end.writeUInt16LE(entries, 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(directoryAt, 16);
  return end;
}

const WORD_MAX = 0xffffffff;

/** The same zip with its directory told in 64 bits; `claims` are told instead of the truth. */
export function zip64(zip: Buffer, claims: { readonly entries?: bigint; readonly directoryAt?: bigint } = {}): Buffer {
  const end = zip.subarray(-22);
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  const entries = claims.entries ?? BigInt(end.readUInt16LE(10));
  record.writeBigUInt64LE(entries, 24);
  record.writeBigUInt64LE(entries, 32);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  record.writeBigUInt64LE(claims.directoryAt ?? BigInt(end.readUInt32LE(16)), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(zip.length - 22), 8);
  locator.writeUInt32LE(1, 16);
  const last = Buffer.from(end);
  last.writeUInt16LE(0xffff, 8);
  last.writeUInt16LE(0xffff, 10);
  last.writeUInt32LE(WORD_MAX, 12);
  last.writeUInt32LE(WORD_MAX, 16);
  return Buffer.concat([zip.subarray(0, -22), record, locator, last]);
}
