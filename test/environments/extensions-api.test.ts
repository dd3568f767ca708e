/** Every refusal of the Extensions API, as external and internal extensions get it: runtime-facts 2, "Endpoints". */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, logWith, run } from './scripted.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

describe('calls that are refused', { timeout: 120_000 }, () => {
  const refused = (errorType: string, errorMessage: string) => [
    403,
    `${JSON.stringify({ errorMessage, errorType })}\n`,
  ];

  it('answer an external extension as AWS does', async () => {
    const unknown = '11111111-2222-3333-4444-555555555555';
    const wrong = `
H = "Lambda-Extension-Identifier"
def ask(method, path, headers=None, body=b""): answers.append(call(method, EXTENSION + path, headers, body).plain())
answers = []
ask("POST", "register", None, "{}")
for body in ("", "{", "x", "[]", '{"events":1}', '{"configurationKeys":["A"],"events":[]}', '{"events":["INVOKE","WAKE<"]}'):
    answers.append(register("wrong", body).plain())
answers.append(register("nobody", ["SHUTDOWN"]).plain())
identifier = register("wrong", ["INVOKE"]).headers["lambda-extension-identifier"]
answers.append(register("wrong", []).plain())
for path in ("event/next", "init/error", "exit/error"):
    method = "GET" if path == "event/next" else "POST"
    ask(method, path)
    ask(method, path, {H: "me"})
    ask(method, path, {H: "${unknown}", "Lambda-Extension-Function-Error-Type": "T"})
ask("POST", "init/error", {H: identifier})
headers = {H: identifier, "Lambda-Extension-Function-Error-Type": "T"}
# All at once: what waits behind the first is judged while that waits for its event.
connection.send(bytes_of("GET", EXTENSION + "event/next", headers) + bytes_of("POST", EXTENSION + "init/error", headers)
  + bytes_of("GET", EXTENSION + "event/next", {H: identifier.upper()}))
answers += [connection.read().plain() for _ in range(3)][1:]
say("ANSWERS " + json.dumps([identifier, answers]))
next_of(identifier)`;
    await createScripted(client, 'wrong', { extensions: { wrong } });
    await run(client, 'wrong');
    const log = await logWith(server, 'wrong', /^ANSWERS .*$/m);
    const [identifier, answers] = JSON.parse(/^ANSWERS (.*)$/m.exec(log)?.[1] ?? '');
    const format = 'InvalidRequestFormat';
    const invalidState = 'Extension.InvalidExtensionState';
    const missing = refused('Extension.MissingExtensionIdentifier', 'Missing Lambda-Extension-Identifier header');
    const invalid = refused('Extension.InvalidExtensionIdentifier', 'Invalid Lambda-Extension-Identifier');
    const transition = (from: string, to: string, who: string) =>
      refused(
        invalidState,
        `State transition from ${from} to ${to} failed for extension ${who}. Error: State transition is not allowed`,
      );
    assert.deepEqual(answers, [
      refused('Extension.InvalidExtensionName', 'Empty extension name'),
      refused(format, 'unexpected end of JSON input'),
      refused(format, 'unexpected end of JSON input'),
      refused(format, "invalid character 'x' looking for beginning of value"),
      refused(format, 'json: cannot unmarshal array into Go value'),
      refused(format, 'json: cannot unmarshal number into Go struct field .events'),
      refused(format, 'configurationKeys are deprecated; use environment variables instead'),
      [403, '{"errorMessage":"WAKE\\u003c: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}\n'],
      refused('Extension.InvalidEventType', 'SHUTDOWN: ShutdownEventNotSupportedForInternalExtension'),
      transition('Registered', 'Registered', 'wrong'),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', `Unknown extension ${unknown}`),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', 'Unknown Lambda-Extension-Identifier'),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', 'Unknown Lambda-Extension-Identifier'),
      refused('Extension.MissingHeader', 'Lambda-Extension-Function-Error-Type not found'),
      transition('Ready', 'InitError', identifier),
      transition('Ready', 'Ready', identifier),
    ]);
  });

  it('answer an internal one: its name taken, too many, too late', async () => {
    const init = `
answers = [register("outer", []).plain()[1], register("inner", ["SHUTDOWN"]).plain()[1]]
inner = [register(f"inner{n}", ["INVOKE"]) for n in range(10)]
answers += [inner[-1].plain()[1], register("inner1", []).plain()[1]]
polls = []
for one in inner[:-1]:
    polls.append(Connection())
    polls[-1].ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": one.headers["lambda-extension-identifier"]})`;
    await createScripted(client, 'inner', { init, extensions: { outer: 'run_extension(["INVOKE"])' } });
    const script = `
answers.append(register("late", []).plain()[1])
events = [json.loads(poll.read().body)["requestId"] == id_of(event) for poll in polls]
for one, poll in zip(inner, polls): poll.ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": one.headers["lambda-extension-identifier"]})
respond(event, [answers, events])`;
    const { payload } = await run(client, 'inner', script);
    const invalid = (text: string) => `{"errorMessage":"${text}","errorType":"Extension.InvalidExtensionState"}\n`;
    const limit = '{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}\n';
    assert.deepEqual(payload, [
      [
        invalid(
          'State transition from Ready to Registered failed for extension outer. Error: State transition is not allowed',
        ),
        '{"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}\n',
        limit,
        limit,
        '{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}\n',
      ],
      Array(9).fill(true),
    ]);
  });

  it('answer an internal one whose name another has', async () => {
    const init = `
identifier = register("same", []).headers["lambda-extension-identifier"]
answer = register("same", []).plain()
poll = Connection()
poll.ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": "{" + identifier.upper() + "}"})`;
    await createScripted(client, 'same', { init });
    const { payload, log } = await run(client, 'same', 'respond(event, answer)');
    assert.deepEqual(
      payload,
      refused('Extension.InvalidExtensionState', 'Extension with this name already registered'),
    );
    assert.match(log, /^EXTENSION\tName: same\tState: Ready\tEvents: \[\]\nSTART /);
  });
});
