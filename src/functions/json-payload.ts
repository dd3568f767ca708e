import { isUtf8 } from 'node:buffer';
import { ApiError } from '../model/api-error.ts';
import { jsonComplaint } from '../protocol/json-complaint.ts';
import { isJson } from '../protocol/json-grammar.ts';

/** Throws InvalidRequestContentException, in the words of AWS's own parser, unless the bytes are one JSON value. */
export function checkJsonPayload(payload: Uint8Array): void {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isUtf8(bytes) && isJson(bytes)) return;
  throw new ApiError(
    'InvalidRequestContentException',
    `Could not parse request body into json: Could not parse payload into json: ${jsonComplaint(bytes)}`,
  );
}
