/** Answers of the Telemetry API and the Logs API, byte for byte (runtime-facts 2). */

/** `Telemetry` and `Logs` are also how the names of their errors begin. */
export type TelemetryApiName = 'Telemetry' | 'Logs';

export interface Refusal {
  readonly status: '400 Bad Request' | '403 Forbidden';
  readonly errorType: string;
  readonly errorMessage: string;
}

function encode(status: string, body: string): Buffer {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}

export const subscribed = encode('200 OK', '"OK"');
/** The very same subscription once more. */
export const alreadySubscribed = encode('200 OK', '"AlreadySubscribed"');
export const notFound = Buffer.from(
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n404 page not found\n',
);
export const methodNotAllowed = Buffer.from('HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');

/** What is wrong with the subscription itself: the type first, as the documentation prints it. */
export function refused({ status, errorType, errorMessage }: Refusal): Buffer {
  return encode(status, JSON.stringify({ errorType, errorMessage }));
}

export function tooLarge(bytesMax: number): Buffer {
  const errorMessage = `Exceeded maximum allowed payload size (${bytesMax} bytes).`;
  return failure('413 Request Entity Too Large', 'RequestEntityTooLarge', errorMessage);
}

export function subscriptionClosed(api: TelemetryApiName): Buffer {
  return failure('403 Forbidden', `${api}.SubscriptionClosed`, `${api} API subscription is closed already`);
}

export const missingIdentifier = failure(
  '403 Forbidden',
  'Extension.MissingExtensionIdentifier',
  'Missing Lambda-Extension-Identifier header',
);
export const invalidIdentifier = failure(
  '403 Forbidden',
  'Extension.InvalidExtensionIdentifier',
  'Invalid Lambda-Extension-Identifier',
);

export function unknownIdentifier(identifier: string): Buffer {
  return failure('403 Forbidden', 'Extension.UnknownExtensionIdentifier', `Unknown extension ${identifier}`);
}

function failure(status: string, errorType: string, errorMessage: string): Buffer {
  return encode(status, `${JSON.stringify({ errorMessage, errorType })}\n`);
}
