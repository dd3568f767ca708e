#!/var/lang/bin/node
// An extension of the tests: subscribes as the variable SUBSCRIPTION says, keeps in /tmp what it is told and sent, and
// answers nothing where HANG is set, and logs what it is sent where ECHO is.
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { createServer } from 'node:net';
import { basename } from 'node:path';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const { path, body } = JSON.parse(process.env.SUBSCRIPTION);
const keep = (events) => {
  appendFileSync('/tmp/events', events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  if (process.env.ECHO) for (const { type } of events) console.log(`got ${type}`);
};

function call(method, target, headers, content = '') {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path: target, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    sent.on('error', reject).end(content);
  });
}

function listen() {
  if (body.destination.protocol === 'TCP') {
    let rest = '';
    return createServer((socket) =>
      socket.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        keep(lines.map((line) => JSON.parse(line)));
      }),
    ).listen(body.destination.port, '127.0.0.1');
  }
  return createHttpServer((received, answer) => {
    let text = '';
    received.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    received.on('end', () => {
      if (process.env.HANG) return;
      keep(JSON.parse(text));
      answer.end('OK');
    });
  }).listen(new URL(body.destination.URI).port, 'sandbox.localdomain');
}

const server = listen();
await new Promise((resolve) => server.once('listening', resolve));
// Within the runtime, where it is imported, it hears nothing of the end.
const events = JSON.stringify({ events: import.meta.main ? ['INVOKE', 'SHUTDOWN'] : ['INVOKE'] });
const name = { 'Lambda-Extension-Name': import.meta.main ? basename(process.argv[1]) : 'inside' };
const registered = await call('POST', '/2020-01-01/extension/register', name, events);
const identity = { 'Lambda-Extension-Identifier': registered.headers['lambda-extension-identifier'] };
const subscribe = async () => {
  const { status, text } = await call('PUT', path, identity, JSON.stringify(body));
  appendFileSync('/tmp/answers', `${status} ${text.trim()}\n`);
};
console.log('the extension speaks');
await subscribe();

async function hearEvents() {
  for (;;) {
    const event = await call('GET', '/2020-01-01/extension/event/next', identity);
    if (JSON.parse(event.text).eventType === 'INVOKE') await subscribe();
    else {
      writeFileSync('/tmp/shutdown', event.text);
      process.exit(0);
    }
  }
}
void hearEvents();
