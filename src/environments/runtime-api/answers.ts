/** The answers of the local APIs as bytes (runtime-facts 1, "Error answers", and 2). */

/** The bytes of a whole HTTP answer with a JSON body. `headers` are complete lines, each with its line end. */
export function jsonAnswer(status: string, body: string, headers = ''): Buffer {
  return Buffer.from(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** `{"errorMessage":…,"errorType":…}` and a line end. */
export function errorAnswer(status: string, errorType: string, errorMessage: string): Buffer {
  return jsonAnswer(status, `${goJson({ errorMessage, errorType })}\n`);
}

export function forbidden(errorType: string, errorMessage: string): Buffer {
  return errorAnswer('403 Forbidden', errorType, errorMessage);
}

/** JSON as Go's encoder writes it: characters that mean something in HTML are escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export const accepted = jsonAnswer('202 Accepted', '{"status":"OK"}\n');
export const pong = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\npong');
export const invalidRequestId = errorAnswer('400 Bad Request', 'InvalidRequestID', 'Invalid request ID');
export const invalidResponseMode = errorAnswer(
  '400 Bad Request',
  'InvalidFunctionResponseMode',
  'Invalid function response mode',
);
export const truncated = errorAnswer('400 Bad Request', 'TruncatedHTTPRequest', 'HTTP request detected as truncated');
export const internalServerError = errorAnswer(
  '500 Internal Server Error',
  'InternalServerError',
  'Internal Server Error',
);
export const notFound = Buffer.from(
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\r\n404 page not found\n',
);
export const methodNotAllowed = Buffer.from('HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');

export function tooLarge(bytesMax: number): Buffer {
  return errorAnswer(
    '413 Request Entity Too Large',
    'RequestEntityTooLarge',
    `Exceeded maximum allowed payload size (${bytesMax} bytes).`,
  );
}

export function invalidTransition(from: string, to: string): Buffer {
  return forbidden(
    'InvalidStateTransition',
    `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`,
  );
}
