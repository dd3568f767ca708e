import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApiError } from '../../src/model/api-error.ts';
import { ALGORITHM } from '../../src/protocol/authorization.ts';
import { bodyGate } from '../../src/protocol/body-gate.ts';
import { canonicalRequest, sha256Hex } from '../../src/protocol/canonical-request.ts';
import { chunkStringToSign, sign, signingKey, stringToSign } from '../../src/protocol/signature.ts';
import { believeHead, judgeHead, type RequestHead, type Secret } from '../../src/protocol/sigv4.ts';
import { parseQuery, splitTarget } from '../../src/protocol/target.ts';
import { type SignedCase, signatureMutations } from './signature-mutations.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, '..', 'shared', 'vectors', 'sigv4');
const missing = existsSync(folder) ? false : 'skipped: no ../shared/vectors/sigv4';

interface Context {
  readonly credentials: { access_key_id: string; secret_access_key: string; token?: string };
  readonly normalize: boolean;
  readonly service: string;
  readonly timestamp: string;
  readonly omit_session_token?: boolean;
}

/** Reads a request as a server would: one character for each byte, folded header lines as one value. */
function readRequest(bytes: Buffer): SignedCase {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\n\n');
  const lines = (end < 0 ? text.trimEnd() : text.slice(0, end)).split('\n');
  const first = lines[0] ?? '';
  const method = first.slice(0, first.indexOf(' '));
  const target = first.slice(first.indexOf(' ') + 1, first.lastIndexOf(' '));
  const rawHeaders: string[] = [];
  for (const line of lines.slice(1)) {
    if (/^\s/.test(line)) rawHeaders[rawHeaders.length - 1] += `\n${line}`;
    else rawHeaders.push(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1));
  }
  return { head: headOf(method, target, rawHeaders), body: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 2) };
}

function headOf(method: string, target: string, rawHeaders: readonly string[]): RequestHead {
  const headers: Record<string, string> = {};
  for (let i = 0; i < rawHeaders.length; i += 2)
    headers[(rawHeaders[i] ?? '').toLowerCase()] ??= rawHeaders[i + 1] ?? '';
  const { path, query } = splitTarget(target);
  return { method, path, rawQuery: query, query: parseQuery(query), headers, rawHeaders };
}

function judgeCase({ head, body }: SignedCase, context: Context): void {
  const { access_key_id, secret_access_key, token } = context.credentials;
  const tokenless = context.omit_session_token === true;
  const secret: Secret = {
    secretAccessKey: secret_access_key,
    account: '000000000000',
    ...(token === undefined ? {} : { sessionToken: token }),
  };
  const caller = judgeHead(head, {
    nowMs: Date.parse(context.timestamp),
    findSecret: (id) => (id === access_key_id ? secret : undefined),
    services: [context.service],
    normalisePath: context.normalize,
    tokenUnsigned: tokenless,
  });
  const gate = bodyGate(caller.body);
  if (body.length > 0) gate.take(body);
  gate.finish();
}

test('published Signature Version 4 vectors are accepted, and refused after any change', { skip: missing }, () => {
  let [seen, changes] = [0, 0];
  for (const name of readdirSync(folder)) {
    if (!existsSync(join(folder, name, 'context.json'))) continue;
    const context = JSON.parse(readFileSync(join(folder, name, 'context.json'), 'utf8')) as Context;
    for (const form of ['header', 'query']) {
      const request = readRequest(readFileSync(join(folder, name, `${form}-signed-request.txt`)));
      assert.doesNotThrow(() => judgeCase(request, context), `${name} ${form}`);
      for (const changed of signatureMutations(request, headOf)) {
        assert.throws(() => judgeCase(changed, context), ApiError, `${name} ${form}: ${changed.what}`);
        changes++;
      }
      seen++;
    }
  }
  assert.equal(seen, 76);
  assert.ok(changes > 76 * 64, `${changes} changes`);
});

const NOW = Date.parse('2026-11-05T12:00:00Z');
const secret: Secret = { secretAccessKey: 'secret', account: '111122223333' };
const find = (id: string) => (id === 'AKIDEXAMPLE' ? secret : undefined);
const scope = { date: '20261105', region: 'eu-west-1', service: 'lambda' };

interface SignOptions {
  readonly timestamp?: string;
  readonly date?: string;
  readonly service?: string;
  readonly region?: string;
  readonly payload?: string;
  readonly extra?: readonly string[];
  readonly unsignedExtra?: readonly string[];
  readonly keyId?: string;
}

function signed(options: SignOptions = {}, target = '/2015-03-31/functions'): RequestHead {
  const timestamp = options.timestamp ?? '20261105T120000Z';
  const own = {
    ...scope,
    ...(options.date ? { date: options.date } : {}),
    ...(options.service ? { service: options.service } : {}),
    ...(options.region ? { region: options.region } : {}),
  };
  const payload = options.payload ?? sha256Hex('');
  const headers = [
    'Host',
    'localhost:2015',
    'X-Amz-Date',
    timestamp,
    ...(options.payload ? ['X-Amz-Content-Sha256', payload] : []),
    ...(options.extra ?? []),
  ];
  const signedHeaders = headers
    .filter((_, i) => i % 2 === 0)
    .map((name) => name.toLowerCase())
    .sort();
  const { path, query } = splitTarget(target);
  const canonical = canonicalRequest({
    method: 'POST',
    path,
    query,
    headers,
    signedHeaders,
    payloadHash: payload,
    normalisePath: true,
  });
  const signature = sign(signingKey('secret', own), stringToSign(timestamp, own, canonical));
  const credential = `${options.keyId ?? 'AKIDEXAMPLE'}/${own.date}/${own.region}/${own.service}/aws4_request`;
  const authorization = `${ALGORITHM} Credential=${credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  return headOf('POST', target, [...headers, ...(options.unsignedExtra ?? []), 'Authorization', authorization]);
}

function judge(head: RequestHead, findSecret: (id: string) => Secret | undefined = find) {
  return judgeHead(head, { nowMs: NOW, findSecret, services: ['lambda'] });
}

function refusal(name: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.name, name);
    assert.match(error.message, message);
    return true;
  };
}

test('a signed request names its caller; an encoded ARN in the path is signed as it travels', () => {
  const caller = judge(
    signed({}, '/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Af?a=b%20c'),
  );
  assert.deepEqual([caller.account, caller.region, caller.service], ['111122223333', 'eu-west-1', 'lambda']);
});

test('key, scope and time are judged with the texts of AWS', () => {
  assert.throws(
    () => judge(headOf('GET', '/', ['Host', 'h'])),
    refusal('MissingAuthenticationTokenException', /^Missing Authentication Token$/),
  );
  assert.throws(
    () => judge(signed({ keyId: 'OTHER' })),
    refusal('UnrecognizedClientException', /^The security token included in the request is invalid\.$/),
  );
  assert.throws(
    () => judge(signed({ service: 's3' })),
    refusal('InvalidSignatureException', /correct service: 'lambda'/),
  );
  assert.throws(() => judge(signed({ region: 'nowhere' })), refusal('InvalidSignatureException', /valid region/));
  assert.throws(
    () => judge(signed({ date: '20261104' })),
    refusal(
      'InvalidSignatureException',
      /^Date in Credential scope does not match .*'20261104' != '20261105', from '20261105T120000Z'\.$/,
    ),
  );
  assert.throws(
    () => judge(signed({ timestamp: '20261105T114459Z' })),
    refusal(
      'InvalidSignatureException',
      /^Signature expired: 20261105T114459Z is now earlier than 20261105T114500Z \(20261105T120000Z - 15 min\.\)$/,
    ),
  );
  assert.throws(
    () => judge(signed({ timestamp: '20261105T121501Z' })),
    refusal(
      'InvalidSignatureException',
      /^Signature not yet current: 20261105T121501Z is still later than 20261105T121500Z \(20261105T120000Z \+ 15 min\.\)$/,
    ),
  );
  judge(signed({ timestamp: '20261105T114500Z' }));
  judge(signed({ timestamp: '20261105T121500Z' }));
  assert.throws(
    () => judge(signed(), () => ({ ...secret, secretAccessKey: 'wrong' })),
    refusal('InvalidSignatureException', /^The request signature we calculated does not match/),
  );
  assert.throws(
    () => judge(signed(), () => ({ ...secret, expiresAtMs: NOW })),
    refusal('ExpiredTokenException', /expired/),
  );
  assert.throws(
    () => judge(signed({ unsignedExtra: ['X-Amz-Log-Type', 'Tail'] })),
    refusal('InvalidSignatureException', /'x-amz-log-type' must be a 'SignedHeader'/),
  );
});

test('a session token must be there exactly when the key has one', () => {
  const withToken = () => ({ ...secret, sessionToken: 'token' });
  judge(signed({ extra: ['X-Amz-Security-Token', 'token'] }), withToken);
  for (const [extra, finder] of [
    [[], withToken],
    [['X-Amz-Security-Token', 'other'], withToken],
    [['X-Amz-Security-Token', 'token'], find],
  ] as const)
    assert.throws(() => judge(signed({ extra }), finder), refusal('UnrecognizedClientException', /security token/));
});

test('malformed Authorization headers are incomplete signatures, under both modes', () => {
  const headers = [
    'Bearer abc',
    ALGORITHM,
    `${ALGORITHM} foo`,
    `${ALGORITHM} Credential=a`,
    `${ALGORITHM} Credential=a/b/c, SignedHeaders=host, Signature=00`,
    `${ALGORITHM} Credential=/20200101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00`,
    'Basic dXNlcjpwYXNz',
    '=',
    ',,,',
  ];
  for (const header of headers) {
    const head = headOf('GET', '/', ['Host', 'h', 'Authorization', header]);
    const named = (error: unknown) =>
      error instanceof ApiError && /^(IncompleteSignature|MissingAuthenticationToken)Exception$/.test(error.name);
    assert.throws(() => judge(head), named, header);
    assert.throws(() => believeHead(head, ['lambda']), named, header);
  }
});

test('open mode believes account and region, whatever the date and signature', () => {
  const head = (id: string) =>
    headOf('GET', '/', [
      'Host',
      'h',
      'Authorization',
      `${ALGORITHM} Credential=${id}/19700101/us-gov-west-1/lambda/aws4_request, SignedHeaders=host, Signature=x`,
    ]);
  assert.equal(believeHead(head('123456789012'), ['lambda']).account, '123456789012');
  assert.equal(believeHead(head('test'), ['lambda']).account, '000000000000');
  assert.equal(believeHead(head('test'), ['lambda']).region, 'us-gov-west-1');
});

function presign(expires: string, timestamp = '20261105T110000Z'): RequestHead {
  const query = `X-Amz-Algorithm=${ALGORITHM}&X-Amz-Credential=AKIDEXAMPLE%2F20261105%2Feu-west-1%2Flambda%2Faws4_request&X-Amz-Date=${timestamp}&X-Amz-Expires=${expires}&X-Amz-SignedHeaders=host`;
  const headers = ['Host', 'localhost'];
  const canonical = canonicalRequest({
    method: 'GET',
    path: '/2015-03-31/functions',
    query,
    headers,
    signedHeaders: ['host'],
    payloadHash: sha256Hex(''),
    normalisePath: true,
  });
  const signature = sign(signingKey('secret', scope), stringToSign(timestamp, scope, canonical));
  return headOf('GET', `/2015-03-31/functions?${query}&X-Amz-Signature=${signature}`, headers);
}

test('a presigned request is good for its time, at most a week', () => {
  judge(presign('3600'));
  judge(presign('604800'));
  assert.throws(
    () => judge(presign('3599')),
    refusal('InvalidSignatureException', /^Signature expired: 20261105T115959Z is now earlier than 20261105T120000Z/),
  );
  for (const expires of ['604801', '0', '-1', 'x', '1e3'])
    assert.throws(() => judge(presign(expires)), refusal('IncompleteSignatureException', /X-Amz-Expires/));
});

test('a body is held against its declared digest, against the signature, or not at all', () => {
  const body = Buffer.from('{"a":1}');
  const digest = sha256Hex(body.toString('latin1'));
  const run = (payload: string | undefined, bytes: Buffer) => {
    const head = signed(payload === undefined ? {} : { payload, extra: ['Content-Length', String(bytes.length)] });
    const gate = bodyGate(judge(head).body);
    gate.take(bytes.subarray(0, 3));
    gate.take(bytes.subarray(3));
    gate.finish();
  };
  run(digest, body);
  run('UNSIGNED-PAYLOAD', Buffer.from('anything'));
  assert.throws(
    () => run(digest, Buffer.from('{"a":2}')),
    refusal('InvalidSignatureException', /x-amz-content-sha256/),
  );
  assert.throws(() => judge(signed({ payload: 'NONSENSE' })), refusal('InvalidSignatureException', /not supported/));
});

function chunked(parts: readonly string[], tamper = (text: string) => text): { head: RequestHead; wire: Buffer } {
  const head = signed({ payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' });
  let previous = /Signature=(\w+)/.exec(String(head.headers['authorization']))?.[1] ?? '';
  let wire = '';
  for (const part of [...parts, '']) {
    previous = sign(
      signingKey('secret', scope),
      chunkStringToSign('20261105T120000Z', scope, previous, sha256Hex(part)),
    );
    wire += `${part.length.toString(16)};chunk-signature=${previous}\r\n${part}\r\n`;
  }
  return { head, wire: Buffer.from(tamper(wire), 'latin1') };
}

test('a body of signed chunks is unpacked and checked however it is cut', () => {
  const unpack = ({ head, wire }: { head: RequestHead; wire: Buffer }, cut: number) => {
    const gate = bodyGate(judge(head).body);
    const out: Buffer[] = [];
    for (let i = 0; i < wire.length; i += cut) out.push(...gate.take(wire.subarray(i, i + cut)));
    gate.finish();
    return Buffer.concat(out).toString();
  };
  for (const cut of [1, 7, 64, 100_000])
    assert.equal(unpack(chunked(['hello ', 'world\r\n', '!']), cut), 'hello world\r\n!');
  const tampers = [
    (text: string) => text.replace('hello', 'jello'),
    (text: string) => text.replace(/0;chunk[\s\S]*$/, ''),
    (text: string) => `${text}x`,
    (text: string) => text.replace('6;', '7;'),
    (text: string) => text.replace('6;chunk-signature=', `6;${'x'.repeat(1000)}`),
    () => 'plain body',
  ];
  for (const tamper of tampers)
    for (const cut of [1, 100_000])
      assert.throws(
        () => unpack(chunked(['hello ', 'world'], tamper), cut),
        refusal('InvalidSignatureException', /chunk/),
        tamper.toString(),
      );
});
