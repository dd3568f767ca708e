/** The HTTP request that carries an operation's input, made from the model alone; shares no code with the server. */
import { model, type RawOperation, type RawShape, shapeOf } from './generated-validation-model.ts';

export interface EncodedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** The shape of an operation's input. */
export function inputOf(operation: string): RawShape {
  return shapeOf((model.operations[operation] as RawOperation).input.shape);
}

/**
 * Encodes an input, however wrong its values are; blobs are given in base64.
 * Undefined where a value cannot travel: an empty label, an empty list in a query, a header of unprintable characters.
 */
export function requestOf(operation: string, input: Readonly<Record<string, unknown>>): EncodedRequest | undefined {
  const { http } = model.operations[operation] as RawOperation;
  const shape = inputOf(operation);
  const headers: Record<string, string> = {};
  const query: string[] = [];
  const body: Record<string, unknown> = {};
  const [template = '', fixed = ''] = http.requestUri.split('?');
  if (fixed !== '') query.push(fixed);
  let path = template;
  for (const [member, { location, locationName = member }] of Object.entries(shape.members ?? {})) {
    const own = input[member];
    if (own === undefined || member === shape.payload) continue;
    if (location === undefined) body[member] = own;
    else if (location === 'uri') {
      if (own === '') return undefined;
      path = path.replace(new RegExp(`\\{${locationName}\\+?\\}`), () => encodeURIComponent(String(own)));
    } else if (location === 'header') {
      if (!/^[\x21-\x7e]+$/.test(String(own))) return undefined;
      headers[locationName] = String(own);
    } else if (Array.isArray(own) && own.length === 0) return undefined;
    else for (const each of [own].flat()) query.push(`${locationName}=${encodeURIComponent(String(each))}`);
  }
  const target = query.length > 0 ? `${path}?${query.join('&')}` : path;
  const encoded = { method: http.method, path: target, headers };
  const payload = shape.payload === undefined ? undefined : input[shape.payload];
  if (typeof payload === 'string') return { ...encoded, body: Buffer.from(payload, 'base64') };
  const hasBody = Object.values(shape.members ?? {}).some(({ location }) => location === undefined);
  return { ...encoded, body: hasBody && shape.payload === undefined ? JSON.stringify(body) : undefined };
}
