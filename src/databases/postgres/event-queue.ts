import {
  checkDueLimit,
  checkItem,
  type EventQueue,
  encodedDetail,
  type ItemOwner,
  type Lane,
  type NewItem,
  type WaitingItem,
} from '../../store/event-queue.ts';
import { QueueBatch } from './queue-batch.ts';
import type { Writer } from './writer.ts';

/** Smaller payloads come with their item; larger ones are asked for when their turn has come. */
const CARRIED_BYTES_MAX = 32_768;

const COLUMNS = 'lane, account, region, function_name, born_ms, due_ms, detail, payload';

const sql = {
  accept: `INSERT INTO lambdad.item (${COLUMNS})
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bytea[])`,
  // An item that is gone brings nothing after it: what follows joins what was deleted.
  end: `WITH gone AS (DELETE FROM lambdad.item WHERE id = ANY($9::bigint[]) RETURNING id)
    INSERT INTO lambdad.item (${COLUMNS}) SELECT ${COLUMNS} FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
      $5::bigint[], $6::bigint[], $7::text[], $8::bytea[], $10::bigint[]) AS following (${COLUMNS}, ended)
    JOIN gone ON gone.id = ended`,
  reschedule: `UPDATE lambdad.item SET due_ms = later.due_ms, detail = later.detail
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS later (id, due_ms, detail) WHERE item.id = later.id`,
  due: `SELECT id, born_ms, due_ms, detail,
      CASE WHEN octet_length(payload) <= ${CARRIED_BYTES_MAX} THEN payload END AS payload FROM lambdad.item
    WHERE lane = $1 AND account = $2 AND region = $3 AND function_name = $4 AND id <> ALL($5::bigint[])
    ORDER BY due_ms, id LIMIT $6`,
  payload: 'SELECT payload FROM lambdad.item WHERE id = $1',
  lines: `SELECT lane, account, region, function_name, count(*) AS count, min(due_ms) AS due_ms FROM lambdad.item
    GROUP BY lane, account, region, function_name`,
  advance: 'UPDATE lambdad.item SET born_ms = born_ms - $1::bigint, due_ms = due_ms - $1::bigint',
} as const;

/** The driver gives bigint as text. */
interface Row {
  readonly id: string;
  readonly born_ms: string;
  readonly due_ms: string;
  readonly detail: string;
  readonly payload: Buffer | null;
}

interface LineRow {
  readonly lane: Lane;
  readonly account: string;
  readonly region: string;
  readonly function_name: string;
  readonly count: string;
  readonly due_ms: string;
}

/** An item that this process has seen, with the bytes that came with it. */
interface SeenItem extends WaitingItem {
  readonly carried?: Uint8Array;
}

interface Following {
  readonly item: NewItem;
  readonly detail: string;
}

interface Ending {
  readonly id: number;
  readonly following: readonly Following[];
}

interface Later {
  readonly id: number;
  readonly dueMs: number;
  readonly detail: string;
}

/**
 * The event queue in PostgreSQL. Everything goes over the connection that holds the server's lock: whoever has lost the
 * lock has lost the queue with it.
 */
export function postgresQueue(writer: Writer): EventQueue {
  const accepts = new QueueBatch<Following>(writer, (items) => statement('accept', columnsOf(items)));
  const ends = new QueueBatch<Ending>(writer, endStatement);
  const delays = new QueueBatch<Later>(writer, (items) =>
    statement('reschedule', [
      items.map(({ id }) => id),
      items.map(({ dueMs }) => dueMs),
      items.map(({ detail }) => detail),
    ]),
  );
  return {
    async accept(item) {
      const following = encoded(item);
      await accepts.add(following, bytesOf(following));
    },
    async due(lane, owner, nowMs, limit, except) {
      checkDueLimit(limit);
      const { account, region, functionName } = owner;
      const values = [lane, account, region, functionName, [...except], limit + 1];
      const waiting = (await writer.run<Row>(statement('due', values))).map((row) => seenItem(lane, owner, row));
      const dueCount = waiting.slice(0, limit).findIndex(({ dueMs }) => dueMs > nowMs);
      const items = waiting.slice(0, dueCount < 0 ? limit : dueCount);
      return { items, nextMs: waiting[items.length]?.dueMs };
    },
    async payload({ id, carried }: SeenItem) {
      if (carried !== undefined) return carried;
      const [row] = await writer.run<Pick<Row, 'payload'>>(statement('payload', [id]));
      return row?.payload ?? undefined;
    },
    async reschedule({ id }, dueMs, detail) {
      const later: Later = { id, dueMs, detail: encodedDetail(detail) };
      await delays.add(later, later.detail.length);
    },
    async end({ id }, items) {
      const following = items.map(encoded);
      const bytes = following.reduce((sum, one) => sum + bytesOf(one), 0);
      await ends.add({ id, following }, bytes);
    },
    async lines() {
      return (await writer.run<LineRow>(statement('lines', []))).map(lineOf);
    },
    async advance(byMs) {
      await Promise.all([accepts.idle(), ends.idle(), delays.idle()]);
      await writer.run(statement('advance', [byMs]));
    },
    async close() {
      await Promise.all([accepts.idle(), ends.idle(), delays.idle()]);
    },
  };
}

function statement(name: keyof typeof sql, values: unknown[]) {
  return { name: `queue ${name}`, text: sql[name], values };
}

function encoded(item: NewItem): Following {
  checkItem(item);
  return { item, detail: encodedDetail(item.detail) };
}

function bytesOf({ item, detail }: Following): number {
  return item.payload.byteLength + detail.length;
}

function endStatement(endings: readonly Ending[]) {
  const following = endings.flatMap((ending) => ending.following);
  const ended = endings.flatMap((ending) => ending.following.map(() => ending.id));
  return statement('end', [...columnsOf(following), endings.map(({ id }) => id), ended]);
}

/** One list a column, in the order of COLUMNS. */
function columnsOf(items: readonly Following[]): unknown[][] {
  return [
    items.map(({ item }) => item.lane),
    items.map(({ item }) => item.account),
    items.map(({ item }) => item.region),
    items.map(({ item }) => item.functionName),
    items.map(({ item }) => item.bornMs),
    items.map(({ item }) => item.dueMs),
    items.map(({ detail }) => detail),
    items.map(({ item: { payload } }) => Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)),
  ];
}

function seenItem(lane: Lane, { account, region, functionName }: ItemOwner, row: Row): SeenItem {
  return {
    id: Number(row.id),
    lane,
    account,
    region,
    functionName,
    bornMs: Number(row.born_ms),
    dueMs: Number(row.due_ms),
    detail: JSON.parse(row.detail) as unknown,
    ...(row.payload === null ? {} : { carried: row.payload }),
  };
}

function lineOf({ lane, account, region, function_name: functionName, count, due_ms: dueMs }: LineRow) {
  return { lane, account, region, functionName, count: Number(count), dueMs: Number(dueMs) };
}
