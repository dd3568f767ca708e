/** Which bytes are a plain Invoke, and which are left to node:http. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlain } from './plain-request.ts';

const HEAD = 'POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1\r\nHost: a\r\nX-Some:  value \r\n';
const PLAIN = `${HEAD}Content-Length: 2\r\n\r\n{}`;

test('a plain request is read as node reads it, and what follows it is not', () => {
  const read = readPlain(Buffer.from(`${PLAIN}POST`));
  if (typeof read !== 'object') assert.fail(String(read));
  const { url, headers, rawHeaders, body } = read.request;
  assert.equal(read.bytes, PLAIN.length);
  assert.equal(url, '/2015-03-31/functions/f/invocations?Qualifier=1');
  assert.deepEqual({ ...headers }, { host: 'a', 'x-some': 'value', 'content-length': '2' });
  assert.deepEqual(rawHeaders, ['Host', 'a', 'X-Some', 'value', 'Content-Length', '2']);
  assert.equal(body.toString(), '{}');
});

test('a request without a length has no body; one that is not whole is waited for', () => {
  const read = readPlain(Buffer.from(`${HEAD}\r\n`));
  assert.equal(typeof read === 'object' && read.request.body.length, 0);
  assert.equal(readPlain(Buffer.from(PLAIN.slice(0, -1))), 'incomplete');
});

test('anything else is not plain', () => {
  const more = (line: string) => `${HEAD}${line}\r\nContent-Length: 2\r\n\r\n{}`;
  const others = [
    PLAIN.slice(0, HEAD.length),
    PLAIN.replace('POST', 'PUT'),
    PLAIN.replace('HTTP/1.1', 'HTTP/1.0'),
    PLAIN.replace('invocations', 'versions'),
    PLAIN.replace('f/invocations', 'a b/invocations'),
    PLAIN.replaceAll('\r\n', '\n'),
    PLAIN.replace('Host: a\r\n', ''),
    PLAIN.replace('Length: 2', 'Length: 0x2'),
    PLAIN.replace('Length: 2', 'Length: 99999'),
    more('Host: b'),
    more('host: b'),
    more('X-Some: other'),
    more('Connection: close'),
    more('Transfer-Encoding: chunked'),
    more('Expect: 100-continue'),
    more('Upgrade: h2c'),
    more('Origin: http://a'),
    more('Sec-Fetch-Site: none'),
    more('User-Agent: Mozilla/5.0'),
    more('X-Amz-Target: Logs_20140328.GetLogEvents'),
    more('X-Amz-Content-SHA256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD'),
    more('X-Amz-Decoded-Content-Length: 2'),
    more('X Y: z'),
    more('X-Y : z'),
    more(': z'),
    more('no colon'),
    more('X-Y: \tz'),
    more('X-Y: \u00fc'),
    more('X-Y: z\n'),
    more('X-Y: z\r'),
    more(`X-Y: ${'z'.repeat(9000)}`),
  ];
  for (const bytes of others) assert.equal(readPlain(Buffer.from(bytes, 'latin1')), undefined, JSON.stringify(bytes));
});
