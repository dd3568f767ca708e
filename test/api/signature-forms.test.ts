/**
 * Requests in every form that canonical requests treat specially, signed by a signer of the test's own that shares no code with
 * the server: taken as they are, refused after any change. The published vectors say the same where they lie beside the
 * checkout.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { ApiError } from '../../src/model/api-error.ts';
import { bodyGate } from '../../src/protocol/body-gate.ts';
import { judgeHead, type RequestHead } from '../../src/protocol/sigv4.ts';
import { parseQuery, splitTarget } from '../../src/protocol/target.ts';
import { type SignedCase, signatureMutations } from './signature-mutations.ts';

const [KEY_ID, SECRET, DATE, TIME] = ['AKIDEXAMPLE', 'a secret of this test', '20260102', '20260102T030405Z'];
const SCOPE = `${DATE}/us-east-1/service/aws4_request`;

interface Form {
  readonly method?: string;
  readonly path?: string;
  /** As the signer must write the path. */
  readonly canonicalPath?: string;
  readonly query?: string;
  /** As the signer must write the query: sorted, every name with its `=`. */
  readonly canonicalQuery?: string;
  /** Further headers as they are sent, and the canonical lines that they make. */
  readonly headers?: readonly string[];
  readonly canonicalHeaders?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const forms: Readonly<Record<string, Form>> = {
  plain: {},
  'a body': {
    method: 'POST',
    body: 'Param1=value1',
    headers: ['Content-Type', 'text/plain'],
    canonicalHeaders: { 'content-type': 'text/plain' },
  },
  'a path with dots': { path: '/a/../b/./c', canonicalPath: '/b/c' },
  'a path with double slashes': { path: '//a//b/', canonicalPath: '/a/b/' },
  'a path with escapes': { path: '/a%20b/%3A', canonicalPath: '/a%2520b/%253A' },
  'a path of other letters': { path: '/%E1%88%B4', canonicalPath: '/%25E1%2588%25B4' },
  'unreserved characters': { path: '/-._~09AZaz' },
  'parameters out of order': { query: 'b=2&a=2&a=1', canonicalQuery: 'a=1&a=2&b=2' },
  'a parameter without a value': { query: 'flag', canonicalQuery: 'flag=' },
  'parameters that differ in case': { query: 'a=1&A=2', canonicalQuery: 'A=2&a=1' },
  'parameters with escapes': { query: 'a%20b=c%2Fd&%E1%88%B4=x', canonicalQuery: '%E1%88%B4=x&a%20b=c%2Fd' },
  'a header with spaces': { headers: ['My-Header', '  a   b   c  '], canonicalHeaders: { 'my-header': 'a b c' } },
  'a header twice': { headers: ['My-Header', 'b', 'My-Header', 'a'], canonicalHeaders: { 'my-header': 'b,a' } },
  'headers out of order': {
    headers: ['Z-Header', '1', 'A-Header', '2'],
    canonicalHeaders: { 'a-header': '2', 'z-header': '1' },
  },
};

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

function signature(form: Form, headers: Readonly<Record<string, string>>, query: string): string {
  const names = Object.keys(headers).sort();
  const canonical = [
    form.method ?? 'GET',
    form.canonicalPath ?? form.path ?? '/',
    query,
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha256(form.body ?? ''),
  ].join('\n');
  const key = ['us-east-1', 'service', 'aws4_request'].reduce(hmac, hmac(`AWS4${SECRET}`, DATE));
  return hmac(key, `AWS4-HMAC-SHA256\n${TIME}\n${SCOPE}\n${sha256(canonical)}`).toString('hex');
}

function headOf(method: string, target: string, rawHeaders: readonly string[]): RequestHead {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers[rawHeaders[at]?.toLowerCase() ?? ''] ??= rawHeaders[at + 1] ?? '';
  const { path, query } = splitTarget(target);
  return { method, path, rawQuery: query, query: parseQuery(query), headers, rawHeaders };
}

function inHeader(form: Form): SignedCase {
  const body = Buffer.from(form.body ?? '');
  const headers = { host: 'example.test', 'x-amz-date': TIME, ...form.canonicalHeaders };
  const signed = Object.keys(headers).sort().join(';');
  const claim = `AWS4-HMAC-SHA256 Credential=${KEY_ID}/${SCOPE}, SignedHeaders=${signed}, Signature=`;
  const sent = [
    'Host',
    'example.test',
    'X-Amz-Date',
    TIME,
    ...(form.headers ?? []),
    'Content-Length',
    String(body.length),
  ];
  const value = claim + signature(form, headers, form.canonicalQuery ?? form.query ?? '');
  const target = `${form.path ?? '/'}${form.query === undefined ? '' : `?${form.query}`}`;
  return { head: headOf(form.method ?? 'GET', target, [...sent, 'Authorization', value]), body };
}

function inQuery(form: Form): SignedCase {
  const body = Buffer.from(form.body ?? '');
  const headers = { host: 'example.test', ...form.canonicalHeaders };
  const signed = encodeURIComponent(Object.keys(headers).sort().join(';'));
  const claims = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encodeURIComponent(`${KEY_ID}/${SCOPE}`)}`,
    `X-Amz-Date=${TIME}`,
    'X-Amz-Expires=600',
    `X-Amz-SignedHeaders=${signed}`,
  ];
  const canonical = [...claims, ...(form.canonicalQuery ?? form.query ?? '').split('&').filter(Boolean)];
  const query = canonical.toSorted((a, b) => (a < b ? -1 : 1)).join('&');
  const sent = [
    ...(form.query === undefined ? [] : [form.query]),
    ...claims,
    `X-Amz-Signature=${signature(form, headers, query)}`,
  ];
  const rawHeaders = ['Host', 'example.test', ...(form.headers ?? []), 'Content-Length', String(body.length)];
  return { head: headOf(form.method ?? 'GET', `${form.path ?? '/'}?${sent.join('&')}`, rawHeaders), body };
}

function judge({ head, body }: SignedCase): void {
  const caller = judgeHead(head, {
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    findSecret: (id) => (id === KEY_ID ? { secretAccessKey: SECRET, account: '000000000000' } : undefined),
    services: ['service'],
    normalisePath: true,
  });
  const gate = bodyGate(caller.body);
  if (body.length > 0) gate.take(body);
  gate.finish();
}

for (const [name, form] of Object.entries(forms))
  test(`a signature over ${name} is taken, and refused after any change`, () => {
    for (const signed of [inHeader(form), inQuery(form)]) {
      judge(signed);
      for (const changed of signatureMutations(signed, headOf))
        assert.throws(() => judge(changed), ApiError, changed.what);
    }
  });
