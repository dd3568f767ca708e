/**
 * One file of a stream's events, a line each. A line that a kill or a full disk tore is passed over when reading; no file is
 * written on by a later process.
 */
import { appendFile, open } from 'node:fs/promises';
import { type EventLines, readLines, type StoredEvent } from './event-lines.ts';

/** A stretch of a file and between which times its events lie. */
export interface Block {
  readonly offset: number;
  bytes: number;
  firstAt: number;
  lastAt: number;
}

export interface Segment {
  readonly path: string;
  readonly number: number;
  /** The time of the first event written, as its file name says. */
  readonly firstAt: number;
  bytes: number;
  blocks: Block[];
  /** Found at start and not read yet: its one block has loose bounds. */
  unread: boolean;
}

/** Blocks are about this long, so that reading what is new reads little else. */
const BLOCK_BYTES = 64 * 1024;

/** Appends the events; rejects with the file system's error, in which case some of them may have been written. */
export async function appendEvents(segment: Segment, { data, firstAt, lastAt }: EventLines): Promise<void> {
  await appendFile(segment.path, data, { mode: 0o600 });
  addBlock(segment.blocks, { offset: segment.bytes, bytes: data.length, firstAt, lastAt });
  segment.bytes += data.length;
}

/** The events of a block; none where the file is gone. A segment that was not read before learns its blocks. */
export async function readBlock(segment: Segment, block: Block): Promise<readonly StoredEvent[]> {
  const data = await readPart(segment.path, block.offset, block.bytes);
  const events: StoredEvent[] = [];
  const blocks: Block[] = [];
  readLines(data, (event, offset, bytes) => {
    events.push(event);
    addBlock(blocks, { offset, bytes, firstAt: event.timestamp, lastAt: event.timestamp });
  });
  if (segment.unread) {
    segment.unread = false;
    segment.blocks = blocks;
  }
  return events;
}

/** Adds a stretch, to the last block where there is room and nothing lies between. */
function addBlock(blocks: Block[], added: Block): void {
  const last = blocks.at(-1);
  if (!last || last.bytes >= BLOCK_BYTES || last.offset + last.bytes !== added.offset) {
    blocks.push(added);
    return;
  }
  last.bytes += added.bytes;
  last.firstAt = Math.min(last.firstAt, added.firstAt);
  last.lastAt = Math.max(last.lastAt, added.lastAt);
}

async function readPart(path: string, offset: number, bytes: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (error) {
    // Removed for want of room, or with its group, since the reader looked.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const data = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(data, 0, bytes, offset);
    return data.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
