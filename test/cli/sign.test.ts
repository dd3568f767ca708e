import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeRfc3986, queryString, signedHeaders } from '../../src/protocol/sign-request.ts';

describe('signedHeaders', () => {
  it('signs as the vector get-vanilla of the published suite does', () => {
    const headers = signedHeaders(
      { method: 'GET', path: '/', query: '', headers: { host: 'example.amazonaws.com' }, body: new Uint8Array() },
      { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      { region: 'us-east-1', service: 'service' },
      Date.UTC(2015, 7, 30, 12, 36, 0),
    );
    assert.equal(
      headers['authorization'],
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        'SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });

  it('signs every header, the session token included', () => {
    const headers = signedHeaders(
      { method: 'POST', path: '/', query: '', headers: { host: 'h', 'x-amz-target': 't' }, body: Buffer.from('b') },
      { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 'token' },
      { region: 'r', service: 'logs' },
      0,
    );
    assert.equal(headers['x-amz-security-token'], 'token');
    assert.match(headers['authorization'] ?? '', /SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target,/);
    assert.match(headers['authorization'] ?? '', /Credential=a\/19700101\/r\/logs\/aws4_request,/);
  });

  it('encodes what encodeURIComponent leaves', () => {
    assert.equal(encodeRfc3986("a:b/!'()*$~"), 'a%3Ab%2F%21%27%28%29%2A%24~');
    assert.equal(queryString([['a b', '&']]), 'a%20b=%26');
  });
});
