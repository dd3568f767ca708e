/**
 * The part of the CloudWatch Logs API (2014-03-28, AWS JSON 1.1) with which logs are read: `aws logs tail`,
 * describe-log-groups, describe-log-streams, get-log-events, filter-log-events, delete-log-group.
 *
 * Deliberate differences from AWS: filter patterns are those of filter-pattern.ts; `unmask` and `logGroupClass` have no
 * effect; other operations answer UnknownOperationException.
 */
import type { Clock } from '../base/clock.ts';
import { type FilterMatch, FilterPatternError, parseFilterPattern } from '../logs/filter-pattern.ts';
import { eventIdOf, type FoundEvent, type LogGroupKey, type LogStore, type LogStreamView } from '../logs/log-store.ts';
import { groupArn, logsDemand } from './logs-access.ts';

/** Whose logs: the account of the credential and the region of the signature. */
export interface LogsCaller {
  readonly account: string;
  readonly region: string;
  /** The refusal of an action on a resource in AWS's words; undefined when the caller may. */
  readonly refusal: (action: string, resource: string) => string | undefined;
}

export interface LogsAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `target` is the X-Amz-Target header: `Logs_20140328.FilterLogEvents`. Never rejects for what the caller sent. */
export type LogsApi = (target: string, body: Uint8Array, who: LogsCaller) => Promise<LogsAnswer>;

type Input = Readonly<Record<string, unknown>>;
type LogsOperation = (input: Input, who: LogsCaller) => Promise<object | undefined>;

const TARGET_PREFIX = 'Logs_20140328.';
const HEADERS = { 'Content-Type': 'application/x-amz-json-1.1' };
/** As CloudWatch bounds its answers. */
const ANSWER_BYTES_MAX = 1024 * 1024;
const EVENTS_MAX = 10_000;
const DESCRIBED_MAX = 50;
const NAME_CHARACTERS_MAX = 512;
const PATTERN_CHARACTERS_MAX = 1024;
const STREAM_NAMES_MAX = 100;
/** How much FilterLogEvents looks at before it answers with what it has and a token to go on with. */
const SCANNED_EVENTS_MAX = 50_000;
const SCAN_MS_MAX = 2000;
const SCAN_PAGE_EVENTS = 5_000;
const SCAN_PAGE_EVENTS_FIRST = 100;

/** An error of the model, or of the protocol, by its name. */
class LogsError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export function createLogsApi(store: LogStore, clock: Clock): LogsApi {
  const operations: Readonly<Record<string, LogsOperation>> = {
    DescribeLogGroups: (input, who) => describeLogGroups(store, input, who),
    DescribeLogStreams: (input, who) => describeLogStreams(store, input, who),
    GetLogEvents: (input, who) => getLogEvents(store, input, who),
    FilterLogEvents: (input, who) => filterLogEvents(store, clock, input, who),
    DeleteLogGroup: (input, who) => deleteLogGroup(store, input, who),
    ListTagsForResource: async () => ({ tags: {} }),
    ListTagsLogGroup: async () => ({ tags: {} }),
  };
  return async (target, body, who) => {
    try {
      const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
      const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
      if (!operation) throw new LogsError('UnknownOperationException', `lambdad does not know the operation ${name}`);
      const input = parseInput(body);
      const { action, resource } = logsDemand(name, input, who);
      const refusal = who.refusal(action, resource);
      if (refusal !== undefined) return refused(refusal);
      const output = await operation(input, who);
      return { status: 200, body: output ? JSON.stringify(output) : '', headers: HEADERS };
    } catch (error) {
      if (!(error instanceof LogsError)) throw error;
      return { status: 400, body: JSON.stringify({ __type: error.type, message: error.message }), headers: HEADERS };
    }
  };
}

/** This one error has its text under a capital. */
function refused(text: string): LogsAnswer {
  return { status: 400, body: JSON.stringify({ __type: 'AccessDeniedException', Message: text }), headers: HEADERS };
}

async function describeLogGroups(store: LogStore, input: Input, { account, region }: LogsCaller): Promise<object> {
  const prefix = text(input, 'logGroupNamePrefix', NAME_CHARACTERS_MAX);
  const pattern = text(input, 'logGroupNamePattern', NAME_CHARACTERS_MAX)?.toLowerCase();
  if (prefix !== undefined && pattern !== undefined) {
    throw invalid('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
  }
  const limit = integer(input, 'limit', 1, DESCRIBED_MAX) ?? DESCRIBED_MAX;
  const groups = [...(await store.groups(account, region))]
    .filter(({ group }) => group.startsWith(prefix ?? '') && group.toLowerCase().includes(pattern ?? ''))
    .map((view) => ({ ...view, sortKey: view.group }));
  const { page, nextToken } = pageOf(groups, limit, text(input, 'nextToken'));
  const logGroups = page.map(({ group, createdAt, storedBytes }) => {
    const arn = groupArn({ account, region, group });
    const view = { logGroupName: group, creationTime: createdAt, metricFilterCount: 0, arn: `${arn}:*`, storedBytes };
    return { ...view, logGroupClass: 'STANDARD', logGroupArn: arn };
  });
  return { logGroups, nextToken };
}

async function describeLogStreams(store: LogStore, input: Input, who: LogsCaller): Promise<object> {
  const key = groupKey(input, who);
  const prefix = text(input, 'logStreamNamePrefix', NAME_CHARACTERS_MAX);
  const orderBy = oneOf(input, 'orderBy', ['LogStreamName', 'LastEventTime']) ?? 'LogStreamName';
  if (prefix !== undefined && orderBy === 'LastEventTime') {
    throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
  }
  const limit = integer(input, 'limit', 1, DESCRIBED_MAX) ?? DESCRIBED_MAX;
  const views = (await streamsOf(store, key)).filter(({ stream }) => stream.startsWith(prefix ?? ''));
  const sorted = views.map((view) => {
    const time = String(view.lastEventAt ?? 0).padStart(20, '0');
    return { ...view, sortKey: orderBy === 'LastEventTime' ? `${time} ${view.stream}` : view.stream };
  });
  const { page, nextToken } = pageOf(sorted, limit, text(input, 'nextToken'), flag(input, 'descending'));
  return { logStreams: page.map((view) => streamOutput(key, view)), nextToken };
}

function streamOutput(key: LogGroupKey, view: LogStreamView): object {
  return {
    logStreamName: view.stream,
    creationTime: view.createdAt,
    firstEventTimestamp: view.firstEventAt,
    lastEventTimestamp: view.lastEventAt,
    lastIngestionTime: view.lastIngestionAt,
    arn: `${groupArn(key)}:log-stream:${view.stream}`,
    // AWS reports zero for streams since 2019.
    storedBytes: 0,
  };
}

/** Tokens are `f/<event id>/s` and `b/<event id>/s`: the events after, and before, the one of that id. */
const EVENTS_TOKEN = /^([fb])\/(\d{56})\/s$/;

async function getLogEvents(store: LogStore, input: Input, who: LogsCaller): Promise<object> {
  const key = groupKey(input, who);
  const stream = text(input, 'logStreamName', NAME_CHARACTERS_MAX);
  if (stream === undefined) throw missing('logStreamName');
  const limit = integer(input, 'limit', 1, EVENTS_MAX) ?? EVENTS_MAX;
  const token = text(input, 'nextToken');
  const [, direction, tokenId = ''] = EVENTS_TOKEN.exec(token ?? '') ?? [];
  if (token !== undefined && !direction) throw invalid('The specified nextToken is invalid.');
  const range = timeRange(input);
  if (!(await streamsOf(store, key)).some((view) => view.stream === stream)) throw noSuch('stream');

  const isBackwards = direction === 'b' || (!direction && !flag(input, 'startFromHead'));
  const from = direction === 'f' ? { afterEventId: tokenId } : direction === 'b' ? { beforeEventId: tokenId } : {};
  const query = { ...key, ...range, ...from, streams: [stream], limit, backwards: isBackwards };
  const found = (await store.read({ ...query, bytesMax: ANSWER_BYTES_MAX })) ?? [];
  // With nothing found one goes on where one stood: at the token, or at the beginning.
  const emptyAt = tokenId || eventIdOf(range.startTime ?? 0, 0);
  return {
    events: found.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })),
    nextForwardToken: `f/${found.at(-1)?.eventId ?? emptyAt}/s`,
    nextBackwardToken: `b/${found.at(0)?.eventId ?? emptyAt}/s`,
  };
}

async function filterLogEvents(store: LogStore, clock: Clock, input: Input, who: LogsCaller): Promise<object> {
  const key = groupKey(input, who);
  const streams = names(input, 'logStreamNames');
  const streamPrefix = text(input, 'logStreamNamePrefix', NAME_CHARACTERS_MAX);
  if (streams && streamPrefix !== undefined) {
    throw invalid('You cannot specify both logStreamNames and logStreamNamePrefix.');
  }
  const limit = integer(input, 'limit', 1, EVENTS_MAX) ?? EVENTS_MAX;
  const matches = filterMatch(input);
  const token = text(input, 'nextToken');
  if (token !== undefined && !/^\d{56}$/.test(fromToken(token))) throw invalid('The specified nextToken is invalid.');
  const range = timeRange(input);
  const known = await streamsOf(store, key);
  if (streams?.some((name) => !known.some(({ stream }) => stream === name))) throw noSuch('stream');

  const scope = { ...key, ...range, ...(streams && { streams }), ...(streamPrefix !== undefined && { streamPrefix }) };
  const after = token === undefined ? undefined : fromToken(token);
  const { found, lastId } = await scan(store, scope, { matches, limit, after, clock });
  const events = found.map(({ stream, timestamp, message, ingestionTime, eventId }) => {
    return { logStreamName: stream, timestamp, message, ingestionTime, eventId };
  });
  return { events, searchedLogStreams: [], nextToken: lastId && toToken(lastId) };
}

interface Scan {
  readonly matches: FilterMatch;
  readonly limit: number;
  readonly after: string | undefined;
  readonly clock: Clock;
}

/** Matching events in order; `lastId` is set when there may be more after it. */
async function scan(
  store: LogStore,
  scope: LogGroupKey,
  { matches, limit, after, clock }: Scan,
): Promise<{ readonly found: readonly FoundEvent[]; readonly lastId?: string }> {
  const found: FoundEvent[] = [];
  let lastId = after;
  let bytes = 0;
  // Without a pattern one page of the size that was asked for is enough; with a selective one pages grow.
  let pageLimit = Math.max(limit + 1, SCAN_PAGE_EVENTS_FIRST);
  const endAt = clock.monotonic() + SCAN_MS_MAX;
  for (let scanned = 0; scanned < SCANNED_EVENTS_MAX && clock.monotonic() < endAt; ) {
    pageLimit = Math.min(pageLimit, SCAN_PAGE_EVENTS);
    const page = await store.read({ ...scope, limit: pageLimit, ...(lastId && { afterEventId: lastId }) });
    if (!page || page.length === 0) return { found };
    for (const event of page) {
      if (matches(event.message)) {
        const eventBytes = Buffer.byteLength(event.message);
        const isFull = found.length === limit || (found.length > 0 && bytes + eventBytes > ANSWER_BYTES_MAX);
        if (isFull) return { found, ...(lastId && { lastId }) };
        found.push(event);
        bytes += eventBytes;
      }
      lastId = event.eventId;
    }
    scanned += page.length;
    pageLimit *= 4;
  }
  return { found, ...(lastId && { lastId }) };
}

async function deleteLogGroup(store: LogStore, input: Input, who: LogsCaller): Promise<undefined> {
  const group = text(input, 'logGroupName', NAME_CHARACTERS_MAX);
  if (group === undefined) throw missing('logGroupName');
  const { account, region } = who;
  if (!(await store.deleteGroup({ account, region, group }))) throw noSuch('group');
}

async function streamsOf(store: LogStore, key: LogGroupKey): Promise<readonly LogStreamView[]> {
  const streams = await store.streams(key);
  if (!streams) throw noSuch('group');
  return streams;
}

/** The group by name, or by an identifier that is a name or an ARN. */
function groupKey(input: Input, { account, region }: LogsCaller): LogGroupKey {
  const name = text(input, 'logGroupName', NAME_CHARACTERS_MAX);
  const identifier = text(input, 'logGroupIdentifier', 2048);
  if (name !== undefined && identifier !== undefined) {
    throw invalid('LogGroup name and LogGroup identifier are mutually exclusive parameters.');
  }
  const given = name ?? identifier;
  if (given === undefined) throw missing('logGroupName');
  const arn = /^arn:[\w-]+:logs:([^:]*):([^:]*):log-group:([^:]+)(:\*)?$/.exec(given);
  if (!arn) return { account, region, group: given };
  // Another's group is like one that does not exist.
  if (arn[1] !== region || arn[2] !== account) throw noSuch('group');
  return { account, region, group: arn[3] ?? '' };
}

function timeRange(input: Input): { startTime?: number; endTime?: number } {
  const startTime = integer(input, 'startTime', 0, Number.MAX_SAFE_INTEGER);
  const endTime = integer(input, 'endTime', 0, Number.MAX_SAFE_INTEGER);
  return { ...(startTime !== undefined && { startTime }), ...(endTime !== undefined && { endTime }) };
}

function filterMatch(input: Input): FilterMatch {
  try {
    return parseFilterPattern(text(input, 'filterPattern', PATTERN_CHARACTERS_MAX, 0) ?? '');
  } catch (error) {
    if (error instanceof FilterPatternError) throw invalid(error.message);
    throw error;
  }
}

/** One page in the order of sortKey; the token is the sortKey of the last one shown. */
function pageOf<T extends { readonly sortKey: string }>(
  all: readonly T[],
  limit: number,
  token: string | undefined,
  descending = false,
): { readonly page: readonly T[]; readonly nextToken?: string } {
  const sign = descending ? -1 : 1;
  const order = (a: string, b: string): number => (a < b ? -sign : a > b ? sign : 0);
  const sorted = [...all].sort((a, b) => order(a.sortKey, b.sortKey));
  const after = token === undefined ? undefined : fromToken(token);
  const rest = after === undefined ? sorted : sorted.filter(({ sortKey }) => order(sortKey, after) > 0);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return rest.length > limit && last ? { page, nextToken: toToken(last.sortKey) } : { page };
}

function toToken(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function fromToken(token: string): string {
  return Buffer.from(token, 'base64url').toString();
}

function parseInput(body: Uint8Array): Input {
  try {
    const input: unknown = body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString());
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Input;
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new LogsError('SerializationException', 'The request body is not a JSON object');
}

function text(input: Input, member: string, lengthMax = Number.POSITIVE_INFINITY, lengthMin = 1): string | undefined {
  const value = input[member] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrongType(member, 'a string');
  if (value.length < lengthMin) throw unmet(value, member, `have length greater than or equal to ${lengthMin}`);
  if (value.length > lengthMax) throw unmet(value, member, `have length less than or equal to ${lengthMax}`);
  return value;
}

function integer(input: Input, member: string, min: number, max: number): number | undefined {
  const value = input[member] ?? undefined;
  if (value === undefined) return undefined;
  if (!Number.isInteger(value)) throw wrongType(member, 'an integer');
  const number = value as number;
  if (number < min) throw unmet(number, member, `have value greater than or equal to ${min}`);
  if (number > max) throw unmet(number, member, `have value less than or equal to ${max}`);
  return number;
}

function flag(input: Input, member: string): boolean {
  const value = input[member] ?? false;
  if (typeof value !== 'boolean') throw wrongType(member, 'a boolean');
  return value;
}

function oneOf(input: Input, member: string, values: readonly string[]): string | undefined {
  const value = text(input, member, Number.POSITIVE_INFINITY, 0);
  if (value === undefined || values.includes(value)) return value;
  throw unmet(value, member, `satisfy enum value set: [${values.join(', ')}]`);
}

function names(input: Input, member: string): readonly string[] | undefined {
  const value = input[member] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((name) => typeof name !== 'string')) {
    throw wrongType(member, 'a list of strings');
  }
  if (value.length < 1) throw unmet('[]', member, 'have length greater than or equal to 1');
  if (value.length > STREAM_NAMES_MAX) {
    throw unmet(`[${value.join(', ')}]`, member, `have length less than or equal to ${STREAM_NAMES_MAX}`);
  }
  return value;
}

function invalid(message: string): LogsError {
  return new LogsError('InvalidParameterException', message);
}

function wrongType(member: string, what: string): LogsError {
  return new LogsError('SerializationException', `The value of ${member} must be ${what}`);
}

function missing(member: string): LogsError {
  return invalid(
    `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  );
}

function unmet(value: string | number, member: string, constraint: string): LogsError {
  return invalid(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  );
}

function noSuch(what: 'group' | 'stream'): LogsError {
  return new LogsError('ResourceNotFoundException', `The specified log ${what} does not exist.`);
}
