/** Of the form that CloudWatch Logs gives; nobody looks at it since 2023, but older clients want one. */
export function sequenceToken(timeMs: number): string {
  return `49${String(timeMs).padStart(54, '0')}`;
}
