/**
 * Functions that call AWS services with the credentials of their environment, signed by hand: AWS's SDKs need not be there.
 *
 * Event: `{url, method?, headers?, body?, service?}`, answered with `{status, body}`; `{show: [NAME…]}` is answered with these
 * variables.
 */

/** Node. `index.handler`. */
export const nodeCaller = `
const { createHash, createHmac } = require('node:crypto');
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

exports.handler = async ({ show, url, method = 'GET', headers = {}, body = '', service = 'lambda' }) => {
  const env = process.env;
  if (show) return Object.fromEntries(show.map((name) => [name, env[name] ?? null]));
  const { host, pathname } = new URL(url);
  const time = new Date().toISOString().replace(/[-:]|\\.\\d{3}/g, '');
  const scope = [time.slice(0, 8), env.AWS_REGION, service, 'aws4_request'];
  const signed = { ...headers, host, 'x-amz-date': time };
  if (env.AWS_SESSION_TOKEN) signed['x-amz-security-token'] = env.AWS_SESSION_TOKEN;
  const names = Object.keys(signed).sort();
  const lines = names.map((name) => name + ':' + signed[name] + '\\n').join('');
  const canonical = [method, pathname, '', lines, names.join(';'), sha256(body)].join('\\n');
  const key = scope.reduce(hmac, 'AWS4' + env.AWS_SECRET_ACCESS_KEY);
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\\n');
  signed.authorization = 'AWS4-HMAC-SHA256 Credential=' + env.AWS_ACCESS_KEY_ID + '/' + scope.join('/') +
    ', SignedHeaders=' + names.join(';') + ', Signature=' + hmac(key, text).toString('hex');
  const answer = await fetch(url, { method, headers: signed, ...(body === '' ? {} : { body }) });
  return { status: answer.status, body: await answer.text() };
};
`;

/** Python, with nothing but its library. `index.handler`. */
export const pythonCaller = `
import datetime, hashlib, hmac, http.client, os
from functools import reduce
from urllib.parse import urlsplit

def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()

def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

def handler(event, context):
    env = os.environ
    if 'show' in event:
        return {name: env.get(name) for name in event['show']}
    url, method, body = urlsplit(event['url']), event.get('method', 'GET'), event.get('body', '')
    time = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    scope = [time[:8], env['AWS_REGION'], event.get('service', 'lambda'), 'aws4_request']
    signed = {**event.get('headers', {}), 'host': url.netloc, 'x-amz-date': time}
    if 'AWS_SESSION_TOKEN' in env:
        signed['x-amz-security-token'] = env['AWS_SESSION_TOKEN']
    names = sorted(signed)
    lines = ''.join(name + ':' + signed[name] + '\\n' for name in names)
    canonical = '\\n'.join([method, url.path, '', lines, ';'.join(names), sha256(body)])
    key = reduce(mac, scope, ('AWS4' + env['AWS_SECRET_ACCESS_KEY']).encode())
    text = '\\n'.join(['AWS4-HMAC-SHA256', time, '/'.join(scope), sha256(canonical)])
    signed['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
        env['AWS_ACCESS_KEY_ID'], '/'.join(scope), ';'.join(names), mac(key, text).hex())
    connection = http.client.HTTPConnection(url.netloc)
    connection.request(method, url.path, body or None, signed)
    answer = connection.getresponse()
    return {'status': answer.status, 'body': answer.read().decode()}
`;

/** What a calling function answers to an event with a `url`. */
export interface CallAnswer {
  readonly status: number;
  readonly body: string;
}
