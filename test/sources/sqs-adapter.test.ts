/** What the adapter makes of what a queue's service says, and of what it should not say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { linkTo } from '../../src/neighbours/link.ts';
import { sqsSource } from '../../src/pollers/sqs.ts';
import type { SourceTrouble } from '../../src/sources/source-port.ts';

const NAMESPACE = { account: '000000000000', region: 'us-east-1' };

describe('a queue', () => {
  const answers: Record<string, unknown> = {};
  const service = http.createServer((request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(JSON.stringify(answers[operation] ?? {}));
    });
  });
  let url = '';

  before(async () => {
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    answers['GetQueueUrl'] = { QueueUrl: `${url}/000000000000/jobs` };
  });

  after(() => {
    service.closeAllConnections();
    service.close();
  });

  function connect(name: string) {
    const link = linkTo('sqs', { endpoints: { sqs: url } }) ?? assert.fail('no link');
    return sqsSource(link).connect(NAMESPACE, { kind: 'sqs', arn: `arn:aws:sqs:us-east-1:000000000000:${name}` });
  }

  async function read(name: string) {
    const reader = await connect(name).open({ id: '', parentIds: [] });
    const { records } = await reader.read({ recordsMax: 10, waitMs: 0, signal: new AbortController().signal });
    return records;
  }

  test('a message whose digest is wrong comes as the queue gave it, and the others with it', async () => {
    answers['ReceiveMessage'] = {
      Messages: [
        { MessageId: 'a', ReceiptHandle: 'ra', Body: 'a', MD5OfBody: '0cc175b9c0f1b6a831c399e269772661' },
        { MessageId: 'b', ReceiptHandle: 'rb', Body: 'b', MD5OfBody: '00000000000000000000000000000000' },
      ],
    };
    const records = await read('jobs');
    assert.deepEqual(
      records.map(({ id, event }) => [id, event['body'], event['md5OfBody']]),
      [
        ['a', 'a', '0cc175b9c0f1b6a831c399e269772661'],
        ['b', 'b', '00000000000000000000000000000000'],
      ],
    );
  });

  test('groups are an order in FIFO queues only', async () => {
    const Attributes = { MessageGroupId: 'g' };
    answers['ReceiveMessage'] = { Messages: [{ MessageId: 'a', ReceiptHandle: 'ra', Body: 'a', Attributes }] };
    const orders = [await read('jobs'), await read('jobs.fifo')].map(([record]) => record?.orderKey);
    assert.deepEqual(orders, [undefined, 'g']);
  });

  test('messages stay hidden as long as the queue says', async () => {
    const { signal } = new AbortController();
    answers['GetQueueAttributes'] = { Attributes: { VisibilityTimeout: '45' } };
    assert.equal(await connect('jobs').hiddenMs?.(signal), 45_000);
    answers['GetQueueAttributes'] = {};
    await assert.rejects(
      async () => connect('jobs').hiddenMs?.(signal),
      ({ kind }: SourceTrouble) => kind === 'unreachable',
    );
  });
});
