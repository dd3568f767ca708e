/** The Runtime API's own parser against whole, cut, pipelined and hostile requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ApiRequest, MalformedRequest, RequestParser } from './request-parser.ts';

const LIMIT = 1000;

function parse(bytes: string, pieceBytes = bytes.length): ApiRequest[] {
  const requests: ApiRequest[] = [];
  const parser = new RequestParser(LIMIT, { begun: () => {}, request: (request) => requests.push(request) });
  const data = Buffer.from(bytes, 'latin1');
  for (let at = 0; at < data.length; at += pieceBytes) parser.feed(data.subarray(at, at + pieceBytes));
  return requests;
}

const SIZED = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-End: yes\r\n\r\n';
const NEXT = 'GET /next HTTP/1.1\r\n\r\n';

test('requests are the same however they are cut', () => {
  for (const pieceBytes of [1, 2, 7, 1000]) {
    const [sized, chunked, next, ...more] = parse(SIZED + CHUNKED + NEXT, pieceBytes);
    assert.deepEqual([sized?.path, sized?.body.toString(), sized?.tooLarge], ['/a', 'hello', false]);
    assert.deepEqual([chunked?.path, chunked?.body.toString()], ['/b', 'hello']);
    assert.equal(chunked?.trailers.get('x-end'), 'yes');
    assert.deepEqual([next?.method, next?.body.length], ['GET', 0]);
    assert.equal(more.length, 0);
  }
});

test('a body over the limit is read away, sized or chunked, and the connection goes on', () => {
  const long = 'x'.repeat(LIMIT + 1);
  const chunks = `POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(LIMIT + 1)}0\r\n\r\n`;
  const requests = parse(`POST /a HTTP/1.1\r\nContent-Length: ${long.length}\r\n\r\n${long}${chunks}${NEXT}`, 100);
  assert.deepEqual(
    requests.map(({ path, tooLarge, body }) => [path, tooLarge, body.length]),
    [
      ['/a', true, 0],
      ['/c', true, 0],
      ['/next', false, 0],
    ],
  );
});

test('a long head or trailer that comes byte by byte is copied once, not once for each byte', {
  timeout: 60_000,
}, () => {
  const value = 'v'.repeat(1_000_000);
  const chunked = 'POST /t HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n';
  const [head, trailed, next] = parse(`GET /h HTTP/1.1\r\nX: ${value}\r\n\r\n${chunked}Y: ${value}\r\n\r\n${NEXT}`, 1);
  assert.equal(head?.headers.get('x'), value);
  assert.deepEqual([trailed?.body.toString(), trailed?.trailers.get('y') === value], ['z', true]);
  assert.equal(next?.path, '/next');
});

test('what comes in pieces is never written over by what follows', () => {
  const bodies = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(20));
  const text = bodies.map((body) => `POST /a HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`).join('');
  for (const pieceBytes of [3, 11, 50, 64, 71, 200])
    assert.deepEqual(
      parse(text, pieceBytes).map(({ body }) => body.toString()),
      bodies,
    );
});

test('a body of exactly the limit passes', () => {
  const body = 'y'.repeat(LIMIT);
  for (const pieceBytes of [64, 5000]) {
    const [request] = parse(`POST /a HTTP/1.1\r\nContent-Length: ${LIMIT}\r\n\r\n${body}`, pieceBytes);
    assert.deepEqual([request?.tooLarge, request?.body.toString()], [false, body]);
  }
});

test('what is not plainly correct is refused', () => {
  const cases = [
    'GET /next HTTP/1.1\nHost: x\n\n\r\n\r\n',
    'POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    'POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
    'POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n',
    'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'POST /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n',
    'POST /a HTTP/1.1\r\nbad name: a\r\n\r\n',
    'GET  /a HTTP/1.1\r\n\r\n',
    'GET /a HTTP/1.1\r\nX:\na\r\n\r\n',
    'GET /a HTTP/1.1\r\nX: a\n\r\n\r\n',
    'GET /a HTTP/1.1\r\nX: a\r\r\n\r\n',
    'GET /a HTTP/1.1\r\nX: a\rY: b\r\n\r\n',
    'GET /a HTTP/1.1\r\nX: \0\r\n\r\n',
    'GET /a HTTP/1.1\r\nX: \x7f\r\n\r\n',
    'GET /a HTTP/1.1\r\n: a\r\n\r\n',
    'GET /a HTTP/1.1\r\nX\r\n\r\n',
    'GET /a HTTP/1.1\r\nX : a\r\n\r\n',
    'POST /a HTTP/1.1\r\ncontent-length: 5\r\nCONTENT-LENGTH: 5\r\n\r\n',
    'POST /a HTTP/1.1\r\nTransfer-Encoding:\r\ntransfer-encoding: chunked\r\n\r\n',
    `POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(200)}\r\n`,
    `GET /a HTTP/1.1\r\n${'X: y\r\n'.repeat(200)}\r\n`,
  ];
  for (const text of cases) assert.throws(() => parse(text), MalformedRequest, JSON.stringify(text.slice(0, 60)));
});

test('a field is found in whatever case it came, without the space around it, and of two the first', () => {
  const lines = [
    'Plain: a',
    'UPPER-case: B c ',
    'empty:',
    'blank: \t ',
    'latin:\xe9\xa0',
    'plain: b',
    'plaim: c',
    '[: x',
  ];
  const [request] = parse(`GET /a HTTP/1.1\r\n${lines.slice(0, -1).join('\r\n')}\r\n\r\n`);
  const got = ['plain', 'upper-case', 'empty', 'blank', 'latin', 'plaim', 'plai', 'plainer'].map((name) =>
    request?.headers.get(name),
  );
  assert.deepEqual(got, ['a', 'B c', '', '', '\xe9\xa0', 'c', undefined, undefined]);
  assert.throws(() => parse(`GET /a HTTP/1.1\r\n${lines.at(-1)}\r\n\r\n`), MalformedRequest);
  const [bare] = parse('GET /a HTTP/1.1\r\n\r\n');
  assert.equal(bare?.headers.get('host'), undefined);
  const [most] = parse(`GET /a HTTP/1.1\r\n${'X: y\r\n'.repeat(100)}\r\n`);
  assert.equal(most?.headers.get('x'), 'y');
  // One character from a letter to its lower case and back: no other characters are taken for each other.
  const [odd] = parse('GET /a HTTP/1.1\r\n^a: 1\r\n\r\n');
  assert.deepEqual([odd?.headers.get('~a'), odd?.headers.get('^a')], [undefined, '1']);
});

test('a head whose body has not come is told, with the path but not its query', () => {
  const told: string[] = [];
  const parser = new RequestParser(LIMIT, {
    begun: ({ path }) => void told.push(`begun ${path}`),
    request: ({ path, body }) => told.push(`${path} ${body}`),
  });
  parser.feed(Buffer.from(SIZED));
  parser.feed(Buffer.from('POST /c?d=/e HTTP/1.1\r\nContent-Length: 4\r\n\r\nab'));
  assert.equal(parser.unfinished?.path, '/c');
  parser.feed(Buffer.from('cd'));
  assert.deepEqual(told, ['/a hello', 'begun /c', '/c abcd']);
  parser.feed(Buffer.from(CHUNKED));
  assert.deepEqual(told.slice(3), ['begun /b', '/b hello']);
  assert.equal(parser.unfinished, undefined);
});
