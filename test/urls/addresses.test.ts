/** Under which address URLs are told and listened for, by the flags of the server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, readConfig } from '../../src/config.ts';
import { FunctionUrlAddresses } from '../../src/functions/function-url-address.ts';
import { startTestServer } from '../support/server.ts';

const NAMESPACE = { account: '000000000000', region: 'eu-west-1' };
const ID = '0123456789abcdef0123456789abcdef';

const configOf = (...argv: string[]) => readConfig(argv, { HOME: '/nowhere' });

describe('the port', () => {
  it('is the one after the API’s, unless it is given', () => {
    const ports = [[], ['--port', '3000'], ['--port', '0'], ['--port', '65535'], ['--url-port', '8080']];
    assert.deepEqual(
      ports.map((argv) => configOf(...argv).urlPort),
      [2016, 3001, 0, 0, 8080],
    );
  });

  it('that is taken is named with its own flag', async () => {
    const first = await startTestServer();
    const port = /^urls: +http:\/\/127\.0\.0\.1:(\d+)\//m.exec(first.stdout())?.[1] ?? '';
    try {
      await assert.rejects(startTestServer({ args: ['--url-port', port] }), (error: Error) => {
        assert.match(
          error.message,
          new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use; choose another with --url-port`),
        );
        return true;
      });
    } finally {
      await first.stop();
    }
  });
});

describe('the address', () => {
  const told = (domain: string | undefined, origin = 'http://127.0.0.1:2015') => {
    const argv = domain === undefined ? [] : ['--url-domain', domain];
    return new FunctionUrlAddresses(configOf(...argv).urlDomain, 2016).of(NAMESPACE, ID, origin);
  };

  it('is a path on the host by which the client knows the server', () => {
    assert.equal(told(undefined), `http://127.0.0.1:2016/${ID}/`);
    assert.equal(told(undefined, 'http://lambdad.internal:80'), `http://lambdad.internal:2016/${ID}/`);
    assert.equal(told(undefined, 'http://[::1]:2015'), `http://[::1]:2016/${ID}/`);
  });

  it('is a name of the domain, with the port of what stands in front', () => {
    const host = `${ID}.lambda-url.eu-west-1`;
    assert.equal(told('localhost'), `http://${host}.localhost:2016/`);
    assert.equal(told('http://a.example:8080'), `http://${host}.a.example:8080/`);
    assert.equal(told('https://a.example'), `https://${host}.a.example/`);
  });

  it('is none of a domain that is none', () => {
    for (const domain of ['a b', 'ftp://a', 'https://a/b', 'a..b', 'https://user@a'])
      assert.throws(() => configOf('--url-domain', domain), ConfigError, domain);
  });
});
