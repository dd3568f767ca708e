/** The fixed answers of the Runtime API, byte for byte (runtime-facts 1, "Error answers"). */

function encode(status: string, body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function failure(status: string, errorType: string, errorMessage: string): Buffer {
  return encode(status, `${JSON.stringify({ errorMessage, errorType })}\n`);
}

export const accepted = encode('202 Accepted', '{"status":"OK"}\n');
export const pong = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\npong');
export const invalidRequestId = failure('400 Bad Request', 'InvalidRequestID', 'Invalid request ID');
export const invalidResponseMode = failure(
  '400 Bad Request',
  'InvalidFunctionResponseMode',
  'Invalid function response mode',
);
export const truncated = failure('400 Bad Request', 'TruncatedHTTPRequest', 'HTTP request detected as truncated');
export const notFound = Buffer.from(
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n404 page not found\n',
);
export const methodNotAllowed = Buffer.from('HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');

export function tooLarge(bytesMax: number): Buffer {
  return failure(
    '413 Request Entity Too Large',
    'RequestEntityTooLarge',
    `Exceeded maximum allowed payload size (${bytesMax} bytes).`,
  );
}

export function invalidTransition(from: string, to: string): Buffer {
  return failure(
    '403 Forbidden',
    'InvalidStateTransition',
    `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
  );
}
