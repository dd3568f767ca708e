const EPOCH_SECONDS = /^-?\d{1,13}(\.\d{1,9})?$/;
const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;
const RFC_822 = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}(\.\d{1,3})? (GMT|UTC|[+-]\d{4})$/;

function fromMilliseconds(ms: number): Date | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * Reads a timestamp in any of the formats of AWS's protocols: epoch seconds with or without fraction (number or text),
 * ISO 8601 (without a zone it is UTC), RFC 822. Undefined when it is none of them or outside the range of dates.
 */
export function parseTimestamp(value: string | number): Date | undefined {
  if (typeof value === 'number') return fromMilliseconds(Math.round(value * 1000));
  const text = value.trim();
  if (EPOCH_SECONDS.test(text)) return fromMilliseconds(Math.round(Number(text) * 1000));
  if (RFC_822.test(text)) return fromMilliseconds(Date.parse(text));
  if (!ISO_8601.test(text)) return undefined;
  const zoned = text.length === 10 || /(Z|[+-]\d{2}:?\d{2})$/i.test(text.slice(10)) ? text : `${text}Z`;
  return fromMilliseconds(Date.parse(zoned));
}

/** Epoch seconds with milliseconds as fraction: how every `timestamp` of the API goes out. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}
