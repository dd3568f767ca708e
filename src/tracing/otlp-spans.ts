/**
 * X-Ray's segment documents as spans of OpenTelemetry's protocol in JSON (ExportTraceServiceRequest): each segment and each
 * subsegment in it is a span. The trace id loses its version and hyphens, ids of spans stay.
 */
import type { SegmentOwner } from '../invoke/segment-document.ts';
import type { AnySegment } from './trace-target.ts';

const DEPTH_MAX = 32;
/** Spans of one document. */
const SPANS_MAX = 1000;
const ROOT = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/;
const ID = /^[0-9a-f]{16}$/;
const KIND_INTERNAL = 1;
const KIND_SERVER = 2;
const KIND_CLIENT = 3;
const STATUS_ERROR = 2;
const NANOSECONDS_DIGITS = 9;

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly events?: readonly unknown[];
  readonly status?: { readonly code: number; readonly message?: string };
}

type Fields = Readonly<Record<string, unknown>>;

/** The spans of a document; none of one that has not ended or is no segment. */
export function spansOf(segment: AnySegment): Span[] {
  const [, second, rest] = ROOT.exec(String(segment.trace_id)) ?? [];
  if (second === undefined || rest === undefined) return [];
  const spans: Span[] = [];
  addSpan(spans, segment, { traceId: second + rest, parent: textOf(segment.parent_id), depth: 0 });
  return spans;
}

interface Place {
  readonly traceId: string;
  readonly parent: string | undefined;
  readonly depth: number;
}

function addSpan(spans: Span[], part: Fields, { traceId, parent, depth }: Place): void {
  const { id, name, start_time: start, end_time: end, subsegments } = part;
  if (spans.length >= SPANS_MAX || depth > DEPTH_MAX || typeof id !== 'string' || !ID.test(id)) return;
  if (isTime(start) && isTime(end)) {
    const failed = part['fault'] === true || part['error'] === true || part['throttle'] === true;
    const { events, message } = exceptionsOf(part['cause'], end);
    spans.push({
      traceId,
      spanId: id,
      ...(parent !== undefined && ID.test(parent) ? { parentSpanId: parent } : {}),
      name: textOf(name) ?? '',
      kind: kindOf(part, depth),
      startTimeUnixNano: nanoseconds(start),
      endTimeUnixNano: nanoseconds(Math.max(start, end)),
      attributes: attributesOf(part),
      ...(events.length === 0 ? {} : { events }),
      ...(failed ? { status: { code: STATUS_ERROR, ...(message === undefined ? {} : { message }) } } : {}),
    });
  }
  if (!Array.isArray(subsegments)) return;
  for (const one of subsegments) addSpan(spans, fieldsOf(one), { traceId, parent: id, depth: depth + 1 });
}

/** A segment serves; a subsegment that names whom it asked is a client's. */
function kindOf({ type, namespace }: Fields, depth: number): number {
  if (namespace === 'aws' || namespace === 'remote') return KIND_CLIENT;
  return depth === 0 && type !== 'subsegment' ? KIND_SERVER : KIND_INTERNAL;
}

function attributesOf(part: Fields): Attribute[] {
  const { http, aws, annotations, metadata, origin, resource_arn: arn, namespace, sql } = part;
  const { request_id: requestId, operation, region, function_arn: functionArn } = fieldsOf(aws);
  const { request, response } = fieldsOf(http);
  const { method, url } = fieldsOf(request);
  const initialization = part['name'] === 'Initialization' && functionArn !== undefined;
  const found: (readonly [string, unknown])[] = [
    ['aws.xray.origin', origin],
    ['aws.xray.namespace', namespace],
    ['cloud.resource_id', arn ?? functionArn],
    [origin === undefined ? 'aws.request_id' : 'faas.invocation_id', requestId],
    ['faas.coldstart', initialization ? true : undefined],
    ['rpc.method', operation],
    ['cloud.region', region],
    ['http.request.method', method],
    ['url.full', url],
    ['http.response.status_code', fieldsOf(response)['status']],
    ['db.query.text', fieldsOf(sql)['sanitized_query']],
    ...Object.entries(fieldsOf(annotations)),
    ...Object.entries(fieldsOf(metadata)).map(([name, value]) => [`aws.xray.metadata.${name}`, jsonOf(value)] as const),
  ];
  return found.flatMap(([key, value]) => attribute(key, value));
}

/** Nested beyond all reason it has none. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function attribute(key: string, value: unknown): Attribute[] {
  if (typeof value === 'string') return [{ key, value: { stringValue: value } }];
  if (typeof value === 'boolean') return [{ key, value: { boolValue: value } }];
  if (typeof value !== 'number' || !Number.isFinite(value)) return [];
  return [{ key, value: Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value } }];
}

function exceptionsOf(cause: unknown, endS: number): { readonly events: unknown[]; readonly message?: string } {
  const { exceptions } = fieldsOf(cause);
  if (!Array.isArray(exceptions)) return { events: [] };
  const events = exceptions.map((exception) => {
    const { type, message, stack } = fieldsOf(exception);
    const attributes = [
      ...attribute('exception.type', type),
      ...attribute('exception.message', message),
      ...attribute('exception.stacktrace', stackText(stack)),
    ];
    return { name: 'exception', timeUnixNano: nanoseconds(endS), attributes };
  });
  const message = textOf(fieldsOf(exceptions[0])['message']);
  return message === undefined ? { events } : { events, message };
}

function stackText(stack: unknown): string | undefined {
  if (!Array.isArray(stack) || stack.length === 0) return undefined;
  return stack
    .map((frame) => {
      const { path, line, label } = fieldsOf(frame);
      const place = [path, line].filter((part) => part !== undefined).join(':');
      return `  at ${[label, place].filter((part) => part !== undefined && part !== '').join(' ')}`;
    })
    .join('\n');
}

/** What whoever looks at a span is told of where it comes from. */
export function resourceOf({ account, region, functionName }: SegmentOwner) {
  const attributes = [
    ['service.name', functionName],
    ['faas.name', functionName],
    ['cloud.provider', 'aws'],
    ['cloud.platform', 'aws_lambda'],
    ['cloud.account.id', account],
    ['cloud.region', region],
  ] as const;
  return { attributes: attributes.flatMap(([key, value]) => attribute(key, value)) };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

const SECONDS_MAX = 1e11;

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < SECONDS_MAX;
}

/** A double holds microseconds of our age, not more. */
function nanoseconds(seconds: number): string {
  return String(Math.round(seconds * 1e6)) + '0'.repeat(NANOSECONDS_DIGITS - 6);
}
