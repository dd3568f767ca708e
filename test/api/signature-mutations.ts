import type { RequestHead } from '../../src/protocol/sigv4.ts';

/** A signed request as a server sees it. */
export interface SignedCase {
  readonly head: RequestHead;
  readonly body: Buffer;
}

export interface Mutation extends SignedCase {
  readonly what: string;
}

type HeadOf = (method: string, target: string, rawHeaders: readonly string[]) => RequestHead;

const SIGNATURE = /Signature=([0-9a-f]{64})/;
const SIGNED_HEADERS = /SignedHeaders=([^,&\s]+)/;

/** Another digit of the same kind. */
const otherDigit = (digit: string) => (digit === '0' ? '1' : '0');

function digitsChanged(text: string, from: number): string[] {
  const found: string[] = [];
  for (let at = from; at < from + 64; at++)
    found.push(text.slice(0, at) + otherDigit(text[at] ?? '') + text.slice(at + 1));
  return found;
}

/** Every change of what a signature covers, one at a time: each of them must be refused. */
export function* signatureMutations({ head, body }: SignedCase, headOf: HeadOf): Generator<Mutation> {
  const { method, path, rawQuery, rawHeaders } = head;
  const target = rawQuery ? `${path}?${rawQuery}` : path;
  const withTarget = (what: string, own: string): Mutation => ({ what, head: headOf(method, own, rawHeaders), body });
  const withHeaders = (what: string, own: readonly string[]): Mutation => ({
    what,
    head: headOf(method, target, own),
    body,
  });
  for (const other of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', ''])
    if (other !== method) yield { what: `method ${other}`, head: { ...head, method: other }, body };
  yield { what: 'longer path', head: { ...head, path: `${path}x` }, body };
  yield { what: 'deeper path', head: { ...head, path: `${path.replace(/\/$/, '')}/x` }, body };
  yield withTarget('added parameter', `${path}?${rawQuery ? `${rawQuery}&` : ''}added=1`);
  yield withTarget('added empty parameter', `${path}?${rawQuery ? `${rawQuery}&` : ''}a`);
  yield* changedParameters(head, (query) => withTarget(`query ${query}`, `${path}?${query}`));
  yield* changedHeaders(head, withHeaders);
  if (body.length > 0 || method === 'POST')
    yield { what: 'longer body', head, body: Buffer.concat([body, Buffer.from('x')]) };
  if (body.length > 0) yield { what: 'shorter body', head, body: body.subarray(0, -1) };
  for (let at = 0; at < body.length; at++) {
    const changed = Buffer.from(body);
    changed[at] = (changed[at] ?? 0) ^ 1;
    yield { what: `byte ${at} of the body`, head, body: changed };
  }
}

function* changedParameters({ rawQuery }: RequestHead, make: (query: string) => Mutation): Generator<Mutation> {
  if (rawQuery === '') return;
  const parameters = rawQuery.split('&');
  for (const [at, parameter] of parameters.entries()) {
    const replaced = (own: readonly string[]) =>
      [...parameters.slice(0, at), ...own, ...parameters.slice(at + 1)].join('&');
    yield make(replaced([]));
    yield make(replaced([parameter, parameter]));
    yield make(replaced([`${parameter}${parameter.includes('=') ? '' : '='}1`]));
    yield make(replaced([`x${parameter}`]));
  }
  const signature = SIGNATURE.exec(rawQuery);
  if (signature) for (const query of digitsChanged(rawQuery, signature.index + 'Signature='.length)) yield make(query);
}

function* changedHeaders(
  head: RequestHead,
  make: (what: string, rawHeaders: readonly string[]) => Mutation,
): Generator<Mutation> {
  const { rawHeaders, rawQuery } = head;
  const authorization = head.headers['authorization'];
  const listed = SIGNED_HEADERS.exec(String(authorization ?? rawQuery))?.[1] ?? '';
  const signed = new Set(decodeURIComponent(listed).split(';'));
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const replaced = (...own: string[]) => [...rawHeaders.slice(0, at), ...own, ...rawHeaders.slice(at + 2)];
    if (name.toLowerCase() === 'authorization') {
      const from = (SIGNATURE.exec(value)?.index ?? 0) + 'Signature='.length;
      for (const changed of digitsChanged(value, from)) yield make('a digit of the signature', replaced(name, changed));
      yield make('signature of another length', replaced(name, value.slice(0, -1)));
      yield make(
        'signature in capitals',
        replaced(
          name,
          value.replace(SIGNATURE, (text) => `Signature=${text.slice(10).toUpperCase()}`),
        ),
      );
      yield make('another key', replaced(name, value.replace('Credential=', 'Credential=X')));
      yield make('another region', replaced(name, value.replace('/us-east-1/', '/us-east-2/')));
      yield make('another service', replaced(name, value.replace('/service/', '/services/')));
      yield make('another day', replaced(name, value.replace(/\/\d{8}\//, '/20150831/')));
      yield make('a header less is signed', replaced(name, value.replace(/SignedHeaders=[^;,]+;?/, 'SignedHeaders=')));
      yield make('a header more is signed', replaced(name, value.replace(/SignedHeaders=/, 'SignedHeaders=a;')));
      yield make('without it', replaced());
    } else if (signed.has(name.toLowerCase())) {
      yield make(`${name} changed`, replaced(name, `${value}x`));
      yield make(`${name} left away`, replaced());
      yield make(`${name} twice`, replaced(name, value, name, value));
      yield make(`${name} called otherwise`, replaced(`x${name}`, value));
    }
  }
}
