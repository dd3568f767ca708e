import type { Invocation } from './invocation.ts';

/** Up to here an event is copied into one piece with its head. */
const JOINED_BYTES_MAX = 16_384;

/**
 * The answer that carries an event over HTTP (runtime-facts 1, "next"): one piece, or the head and the payload to be written
 * behind it.
 */
export function eventAnswer(invocation: Invocation): readonly Uint8Array[] {
  const { payload, contentType } = invocation;
  let head =
    `HTTP/1.1 200 OK\r\nContent-Type: ${contentType === undefined ? 'application/json' : headerValue(contentType)}\r\n` +
    `Lambda-Runtime-Aws-Request-Id: ${invocation.requestId}\r\n` +
    `Lambda-Runtime-Deadline-Ms: ${invocation.deadlineMs}\r\n` +
    `Lambda-Runtime-Invoked-Function-Arn: ${invocation.invokedArn}\r\n` +
    `Lambda-Runtime-Trace-Id: ${headerValue(invocation.traceHeader)}\r\n`;
  if (invocation.clientContext) head += `Lambda-Runtime-Client-Context: ${headerValue(invocation.clientContext)}\r\n`;
  if (invocation.tenantId) head += `Lambda-Runtime-Aws-Tenant-Id: ${headerValue(invocation.tenantId)}\r\n`;
  head += `Content-Length: ${payload.length}\r\n\r\n`;
  if (payload.length > JOINED_BYTES_MAX) return [Buffer.from(head, 'latin1'), payload];
  const answer = Buffer.allocUnsafe(head.length + payload.length);
  answer.write(head, 'latin1');
  answer.set(payload, head.length);
  return [answer];
}

/** A header's value cannot hold line breaks or characters beyond Latin-1: what a caller put there is escaped. */
export function headerValue(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/[^\x20-\x7e]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return escaped;
}
