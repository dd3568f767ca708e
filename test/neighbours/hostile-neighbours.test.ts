import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { NeighbourName } from '../../src/base/endpoints.ts';
import { NeighbourRefusal, type Neighbours, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { ACCOUNT, ARN, createActive, makeWorld, REGION } from '../support/function-world.ts';
import { type Answering, jsonError, s3Error, startFakeService } from './fake-service.ts';

const NAMESPACE = { account: ACCOUNT, region: REGION };
const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/k`;
const ENDLESS_MIB = 64;

async function withService<T>(
  name: NeighbourName,
  answering: Answering,
  use: (neighbours: Neighbours) => Promise<T>,
): Promise<T> {
  await using service = await startFakeService(answering);
  return await use(openNeighbours({ endpoints: { [name]: service.url }, answerMsMax: 3_000 }));
}

/** Sends without end, and tells how much went out. */
function endless(status: number, sent: { mib: number }): Answering {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    const piece = Buffer.alloc(1_048_576, 0x20);
    const send = () => {
      while (!response.destroyed && sent.mib < ENDLESS_MIB) {
        sent.mib++;
        if (!response.write(piece)) return;
      }
    };
    response.on('drain', send);
    send();
    return 'hang';
  };
}

const asking: Readonly<Partial<Record<NeighbourName, (neighbours: Neighbours) => Promise<unknown> | undefined>>> = {
  kms: ({ kms }) => kms?.generateDataKey(NAMESPACE, KEY, {}),
  sqs: ({ sqs }) => sqs?.getQueue(NAMESPACE, `arn:aws:sqs:${REGION}:${ACCOUNT}:q`),
  kinesis: ({ kinesis }) => kinesis?.describeStream(NAMESPACE, `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/s`),
  iam: ({ iam }) => iam?.getRole(NAMESPACE, `arn:aws:iam::${ACCOUNT}:role/r`),
};

describe('a hostile neighbour', { timeout: 60_000 }, () => {
  for (const [name, ask] of Object.entries(asking))
    for (const status of [200, 400])
      it(`${name} that answers ${status} without end is cut off after a megabyte`, async () => {
        const sent = { mib: 0 };
        await withService(name as NeighbourName, endless(status, sent), (neighbours) =>
          assert.rejects(Promise.resolve(ask(neighbours)), NeighbourUnreachable),
        );
        // What the sockets on both sides hold comes on top.
        assert.ok(sent.mib < ENDLESS_MIB / 2, `${sent.mib} MiB`);
      });

  it('s3 that sends an error without end is cut off', async () => {
    const sent = { mib: 0 };
    await withService('s3', endless(403, sent), async ({ s3 }) => {
      await assert.rejects(Promise.resolve(s3?.getObject(NAMESPACE, { bucket: 'b', key: 'k' }, 100)));
    });
    assert.ok(sent.mib < ENDLESS_MIB / 2, `${sent.mib} MiB`);
  });

  it('has no more than a thousand characters of its own in our errors', async () => {
    const long = 'x'.repeat(500_000);
    await withService(
      'kms',
      () => jsonError('DisabledException', long),
      (neighbours) =>
        assert.rejects(
          Promise.resolve(asking.kms?.(neighbours)),
          (error) => error instanceof NeighbourRefusal && error.message.length === 1_000,
        ),
    );
    await withService(
      's3',
      () => s3Error('NoSuchKey', long, 404),
      ({ s3 }) =>
        assert.rejects(
          Promise.resolve(s3?.getObject(NAMESPACE, { bucket: 'b', key: 'k' }, 100)),
          (error) => error instanceof NeighbourRefusal && error.message.length === 1_000,
        ),
    );
  });

  it('is not left with a connection for every region that a caller names', async () => {
    const sockets = new Set<Socket>();
    let most = 0;
    const body = '{"__type":"DisabledException","message":"no"}';
    // Keeps every connection open for good.
    const server = createServer((socket) => {
      sockets.add(socket);
      most = Math.max(most, sockets.size);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      socket.on('data', () =>
        socket.write(
          `HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-errortype: DisabledException\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { kms } = openNeighbours({ endpoints: { kms: `http://127.0.0.1:${port}` }, answerMsMax: 3_000 });
    for (let i = 0; i < 80; i++)
      await assert.rejects(
        Promise.resolve(kms?.generateDataKey(NAMESPACE, `arn:aws:kms:xx-region-${i}:${ACCOUNT}:key/k`, {})),
        NeighbourRefusal,
      );
    assert.ok(most <= 4, `${most} connections`);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('kms that went silent hides the variables of a function, and not the function or the list', async () => {
    let silent = false;
    const plain = Buffer.alloc(32, 7);
    const world = await makeWorld({
      neighbours: {
        kms: {
          generateDataKey: async () => ({ plain, wrapped: Buffer.from('wrapped') }),
          unwrap: async () => {
            if (silent) throw new NeighbourUnreachable('lambdad asked KMS and got no usable answer');
            return plain;
          },
        },
      },
    });
    await createActive(world, 'sealed', { KMSKeyArn: KEY, Environment: { Variables: { SECRET: 'one' } } });
    await createActive(world, 'plain');
    silent = true;
    world.clock.advance(600_000);
    const { Functions = [] } = await world.output('ListFunctions', {});
    assert.deepEqual(
      Functions.map(({ FunctionName }) => FunctionName),
      ['plain', 'sealed'],
    );
    assert.equal(Functions[1]?.Environment?.Variables, undefined);
    assert.equal(Functions[1]?.Environment?.Error?.ErrorCode, 'ServiceException');
    const one = await world.output('GetFunctionConfiguration', { FunctionName: `${ARN}:sealed` });
    assert.match(one.Environment?.Error?.Message ?? '', /no usable answer/);
    await world.close();
  });

  it('that is slow for one function makes no other function wait', async () => {
    let slow = false;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const plain = Buffer.alloc(32, 7);
    const world = await makeWorld({
      neighbours: {
        kms: {
          generateDataKey: async () => {
            if (slow) await released;
            return { plain, wrapped: Buffer.from('wrapped') };
          },
          unwrap: async () => plain,
        },
      },
    });
    const { CodeSigningConfig: config } = await world.output('CreateCodeSigningConfig', {
      AllowedPublishers: {
        SigningProfileVersionArns: [`arn:aws:signer:${REGION}:${ACCOUNT}:/signing-profiles/p/0123456789`],
      },
    });
    const CodeSigningConfigArn = config?.CodeSigningConfigArn ?? '';
    await createActive(world, 'slow');
    await createActive(world, 'other');
    slow = true;
    const updating = world.call('UpdateFunctionConfiguration', {
      FunctionName: 'slow',
      KMSKeyArn: KEY,
      Environment: { Variables: { A: 'b' } },
    });
    await pause(20);
    // These wait for the slow function, as they must.
    const reserving = world.call('PutFunctionConcurrency', { FunctionName: 'slow', ReservedConcurrentExecutions: 1 });
    const signing = world.call('PutFunctionCodeSigningConfig', { FunctionName: 'slow', CodeSigningConfigArn });
    await pause(20);
    const others = Promise.all([
      world.call('PutFunctionConcurrency', { FunctionName: 'other', ReservedConcurrentExecutions: 1 }),
      world.call('PutFunctionCodeSigningConfig', { FunctionName: 'other', CodeSigningConfigArn }),
    ]);
    assert.notEqual(await Promise.race([others, pause(2_000, 'waited')]), 'waited');
    release();
    await Promise.all([updating, reserving, signing]);
    await world.close();
  });
});
