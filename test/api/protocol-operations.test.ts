import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import type { OperationModel, Shape } from '../../src/model/shape.ts';
import { shapes } from '../../src/model/shapes.gen.ts';
import { requestLimit } from '../../src/server/request-limit.ts';
import { authorization, sendRaw, startTestServer } from './protocol-server.ts';

/** Label values that every pattern of the model accepts. */
const goodLabels: Readonly<Record<string, string>> = {
  Resource: 'arn:aws:lambda:eu-central-1:123456789012:function:f',
  ResourceArn: 'arn:aws:lambda:eu-central-1:123456789012:function:f',
  CodeSigningConfigArn: `arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-${'0'.repeat(17)}`,
  DurableExecutionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:f:1/durable-execution/n/i',
  VersionNumber: '1',
  UUID: '00000000-0000-0000-0000-000000000000',
};

function pathOf(model: OperationModel): string {
  const path = model.path.replace(/\{(\w+)\}/g, (_, label: string) => encodeURIComponent(goodLabels[label] ?? 'abc'));
  return model.query === undefined ? path : `${path}?${model.query}`;
}

const all = Object.values(operationModels) as readonly OperationModel[];

function inputShape(model: OperationModel): Shape {
  return shapes[model.input] ?? { type: 'structure' };
}

/** True when the operation reads its body as JSON. */
function readsJson(model: OperationModel): boolean {
  const input = inputShape(model);
  const payload = input.payload === undefined ? undefined : shapes[input.members?.[input.payload]?.shape ?? ''];
  if (payload) return payload.type === 'structure';
  return Object.values(input.members ?? {}).some(({ location }) => location === undefined);
}

/** A body whose every member has a type that no shape accepts. */
function wrongTypes(model: OperationModel): string {
  const input = inputShape(model);
  const shape = input.payload === undefined ? input : (shapes[input.members?.[input.payload]?.shape ?? ''] ?? input);
  const members = Object.entries(shape.members ?? {}).filter(([, { location }]) => location === undefined);
  return JSON.stringify(
    Object.fromEntries(
      members.map(([name, member]) => [name, shapes[member.shape]?.type === 'structure' ? [1] : { a: [1] }]),
    ),
  );
}

test('all operations refuse malformed JSON, wrong types and missing members, and the server lives on', async () => {
  await using server = await startTestServer();
  for (const model of all) {
    const path = pathOf(model);
    for (const body of ['{"a":', '[]', '"x"', '{"a":"\xff', '['.repeat(1000)]) {
      const answer = await server.send(model.method, path, { body: Buffer.from(body, 'latin1') });
      if (readsJson(model)) {
        assert.deepEqual(
          [answer.status, answer.headers['x-amzn-errortype']],
          [400, 'SerializationException'],
          `${model.name} ${body.slice(0, 20)}`,
        );
        assert.equal(typeof answer.json()['Message'], 'string');
      } else assert.ok(answer.status < 500, `${model.name} ${answer.status}`);
    }
    const wrong = await server.send(model.method, path, { body: wrongTypes(model) });
    if (readsJson(model)) assert.equal(wrong.headers['x-amzn-errortype'], 'SerializationException', model.name);
    else assert.ok(wrong.status < 500, model.name);
    const required = (inputShape(model).required ?? []).filter(
      (name) => inputShape(model).members?.[name]?.location !== 'uri',
    );
    const empty = await server.send(model.method, path, { body: '{}' });
    if (required.length > 0 && inputShape(model).payload === undefined) {
      assert.deepEqual([empty.status, empty.headers['x-amzn-errortype']], [400, 'ValidationException'], model.name);
      assert.match(String(empty.json()['message']), /^\d+ validation errors? detected: Value null at '/, model.name);
    } else assert.ok(empty.status < 300, `${model.name} ${empty.text}`);
  }
  assert.deepEqual(server.log, []);
});

test('all operations refuse a body that is announced too large, before they read it', async () => {
  await using server = await startTestServer();
  for (const model of all) {
    const { bytesMax } = requestLimit(model.name as OperationName, {});
    const head = `${model.method} ${pathOf(model)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Length: ${bytesMax + 1}\r\n\r\n`;
    const answer = await sendRaw(server.port, `${head}some of it`, (socket) => socket.end());
    assert.match(answer, /^HTTP\/1\.1 413 /, model.name);
    assert.match(answer, /x-amzn-ErrorType: Request(Entity)?TooLargeException/, model.name);
    assert.match(answer, /Request must be smaller than \d+ bytes for the \w+ operation/, model.name);
  }
  assert.equal(server.calls.length, 0);
});
