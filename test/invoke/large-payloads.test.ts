/** Events and results of up to 6 MB come through whole, whatever shares their way and however a runtime takes them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { InvokeCommand, type LambdaClient, type Runtime } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;

/** Around the sizes at which the way changes, and the largest. */
const SIZES = [20_000, 65_500, 65_536, 66_000, 131_072, 1_000_000, 3_000_000, 6_291_456];
const LARGEST = 6_291_456;
const ROUNDS_MAX = 50;

before(async () => {
  server = await startTestServer();
  client = server.client({ maxAttempts: 1 });
});

after(() => server.stop());

/** A JSON text of so many bytes that no other one is like, with characters of more than one byte. */
function textOf(bytes: number, name: string): string {
  const around = JSON.stringify({ name, text: '' }).length;
  const line = `${name} é💥 \\n\\"`;
  const lines = Math.floor((bytes - around) / Buffer.byteLength(line));
  const filler = '.'.repeat(bytes - around - lines * Buffer.byteLength(line));
  return `{"name":${JSON.stringify(name)},"text":"${line.repeat(lines)}${filler}"}`;
}

async function send(FunctionName: string, event: string): Promise<string> {
  const answer = await client.send(new InvokeCommand({ FunctionName, Payload: event }));
  assert.equal(
    answer.FunctionError,
    undefined,
    Buffer.from(answer.Payload ?? [])
      .toString()
      .slice(0, 300),
  );
  return Buffer.from(answer.Payload ?? []).toString();
}

const ECHOES = [
  {
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    files: { 'index.mjs': 'export const handler = async (event) => event;' },
  },
  {
    runtime: 'python3.13',
    handler: 'app.handler',
    files: { 'app.py': 'def handler(event, context):\n    return event\n' },
  },
] as const;

for (const { runtime, handler, files } of ECHOES)
  test(`${runtime}: each caller has its own event back, large and small ones in turn`, {
    timeout: 120_000,
  }, async () => {
    await createFunction(client, `echo-${runtime.slice(0, 4)}`, {
      Runtime: runtime as Runtime,
      Handler: handler,
      MemorySize: 512,
      Timeout: 60,
      files,
    });
    const lane = async (lane: number) => {
      for (const [round, bytes] of [...SIZES, 100, ...SIZES.toReversed()].entries()) {
        const event = textOf(bytes, `lane ${lane} round ${round}`);
        const answer = await send(`echo-${runtime.slice(0, 4)}`, event);
        assert.ok(answer === event || same(answer, event), `${bytes} bytes in lane ${lane}`);
      }
    };
    await Promise.all([lane(0), lane(1), lane(2)]);
  });

/** Python writes JSON with spaces and escapes: the values are the same. */
function same(answer: string, event: string): boolean {
  const [given, sent] = [JSON.parse(answer), JSON.parse(event)];
  return given.name === sent.name && given.text === sent.text;
}

test('long strings, plain ones and such as JSON escapes, come as JSON writes them', async () => {
  await createFunction(client, 'strings', {
    files: {
      'index.mjs': `export const handler = async ({ odd, at }) => {
        const text = 'x'.repeat(70_000);
        return text.slice(0, at) + odd + text.slice(at);
      };`,
    },
  });
  const odd = ['', '"', '\\', '\n', '\u001f', '\u007f', ' ', '!', '#', 'é', '\u2028', '💥', '\ud800', '\udc00'];
  const text = 'x'.repeat(70_000);
  for (const character of odd)
    for (const at of [0, 1, 2, 3, 35_001, 69_998, 69_999, 70_000]) {
      const answer = await send('strings', JSON.stringify({ odd: character, at }));
      const expected = JSON.stringify(text.slice(0, at) + character + text.slice(at));
      assert.ok(answer === expected, `${JSON.stringify(character)} at ${at}`);
    }
});

test('a long string is the event that JSON says, plain or not', async () => {
  await createFunction(client, 'heard', {
    files: {
      'index.mjs': 'export const handler = async (event) => [typeof event, event.length, event.at(-1), event[0]];',
    },
  });
  const long = 'y'.repeat(300_000);
  for (const text of [long, `${long}\n`, `${long}"`, `"${long}`, `${long}é`, `💥${long}`, `${long}\\`, '', 'short'])
    assert.deepEqual(JSON.parse(await send('heard', JSON.stringify(text))), [
      'string',
      text.length,
      text.at(-1) ?? null,
      text[0] ?? null,
    ]);
  assert.deepEqual(JSON.parse(await send('heard', ` "${long}" `)), ['string', long.length, 'y', 'y']);
});

const HASTY = `#!/usr/bin/python3
import hashlib, os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)
def dial(): return socket.create_connection((host, int(port)))
def read_head(file):
    head = {}
    while (line := file.readline()) != b"\\r\\n":
        name, _, value = line.partition(b": ")
        head[name.lower()] = value.strip()
    return head
def number(value): return value.to_bytes(4, "big")
digest = "none"
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n"
events = dial()
file = events.makefile("rb")
`;
const HASTY_OVER_HTTP = `${HASTY}
while True:
    events.sendall(NEXT + b"\\r\\n")
    head = read_head(file)
    body = b'"%s"' % digest.encode()
    path = b"/2018-06-01/runtime/invocation/" + head[b"lambda-runtime-aws-request-id"] + b"/response"
    answers = dial()
    answers.sendall(b"POST %s HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (path, len(body), body))
    answers.recv(1000)
    answers.close()
    digest = hashlib.sha256(file.read(int(head[b"content-length"]))).hexdigest()
`;
const HASTY_IN_FRAMES = `${HASTY}
events.sendall(NEXT + b"Connection: Upgrade\\r\\nUpgrade: lambdad-frames\\r\\n\\r\\n")
read_head(file)
while True:
    head = file.read(12)
    fields = file.read(int.from_bytes(head[4:8], "big"))
    request_id = fields.split(b"\\n")[0]
    body = b'"%s"' % digest.encode()
    events.sendall(number(1) + number(len(request_id)) + number(len(body)) + request_id + body)
    digest = hashlib.sha256(file.read(int.from_bytes(head[8:], "big"))).hexdigest()
`;

for (const [name, bootstrap] of [
  ['http', HASTY_OVER_HTTP],
  ['frames', HASTY_IN_FRAMES],
] as const)
  test(`over ${name}: a runtime that answers before it has read its event can still read all of it`, async () => {
    await createFunction(client, `hasty-${name}`, {
      Runtime: 'provided.al2023',
      Handler: 'the.handler',
      Timeout: 20,
      files: { bootstrap: { content: bootstrap, mode: 0o755 } },
    });
    const event = textOf(LARGEST, 'read late');
    assert.equal(await send(`hasty-${name}`, event), '"none"');
    const digest = `"${createHash('sha256').update(event).digest('hex')}"`;
    // While it still reads, others are begun for the next events; several at once come to all of them.
    const answers: string[] = [];
    for (let round = 0; round < ROUNDS_MAX && !answers.includes(digest); round++)
      answers.push(...(await Promise.all(['{}', '{}', '{}'].map((next) => send(`hasty-${name}`, next)))));
    assert.ok(answers.includes(digest), `${answers}`);
  });
