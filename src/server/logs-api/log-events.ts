/** What one answer with events holds, as CloudWatch bounds it. */
export const ANSWER_BYTES_MAX = 1024 * 1024;
export const EVENTS_MAX = 10_000;
