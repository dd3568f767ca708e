import { ApiError } from '../model/api-error.ts';

/** Of the base64 text, as the model documents it (lambda-facts 5.4, 7.1). */
const CLIENT_CONTEXT_CHARS_MAX = 3_583;

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * The JSON text in an X-Amz-Client-Context header; undefined for none.
 * Throws InvalidRequestContentException when it is too long, no base64, or no JSON object.
 */
export function decodeClientContext(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  if (header.length > CLIENT_CONTEXT_CHARS_MAX)
    throw refusal(`Client context must be no longer than ${CLIENT_CONTEXT_CHARS_MAX} bytes of Base64-encoded data.`);
  const text = Buffer.from(header, 'base64').toString();
  if (!BASE64.test(header) || !isJsonObject(text))
    throw refusal('Client context must be a valid Base64-encoded JSON object.');
  return text;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function refusal(message: string): ApiError {
  return new ApiError('InvalidRequestContentException', message);
}
