import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { rejects, type World } from '../support/function-world.ts';
import { type CreateInput, create, FUNCTION, leastOf, mappingWorld, QUEUE, settle } from './mapping-world.ts';

let world: World;
before(async () => {
  world = await mappingWorld();
});
after(() => world.close());

describe('a second mapping of the same kind', () => {
  const conflict = 'ResourceConflictException';
  const again = 'already exists. Please update or delete the existing mapping with UUID';

  test('is refused in the words of its source', async () => {
    const each = await mappingWorld();
    const twice = async (input: CreateInput, text: (uuid: string) => string) => {
      const { UUID = '' } = await create(each, input);
      await rejects(create(each, input), conflict, text(UUID));
    };
    await twice(
      leastOf.sqs,
      (id) => `An event source mapping with SQS arn (" ${QUEUE} ") and function (" f ") ${again} ${id}`,
    );
    for (const input of [leastOf.kinesis, leastOf.dynamodb])
      await twice(
        input,
        (id) =>
          `The event source arn (" ${input.EventSourceArn} ") and function (" f ") provided mapping ${again} ${id}`,
      );
    await twice(
      leastOf.kafka,
      (id) =>
        `An event source mapping with event source ("kafka:1000"), function ("${FUNCTION}"), topics ("topic") ${again} ${id}`,
    );
    const servers = { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000', 'kafka:2000'] } };
    await rejects(
      create(each, { ...leastOf.kafka, SelfManagedEventSource: servers }),
      conflict,
      /event source \("kafka:1000,kafka:2000"\)/,
    );
    await create(each, { ...leastOf.kafka, Topics: ['other'] });
    await each.close();
  });

  test('is let through once the first has gone', async () => {
    const input = { EventSourceArn: `${QUEUE}-once` };
    const { UUID = '' } = await create(world, input);
    await settle(world);
    await world.call('DeleteEventSourceMapping', { UUID });
    await rejects(create(world, input), conflict, /already exists/);
    await settle(world);
    await create(world, input);
  });

  test('of many at once, one is made', async () => {
    const input = { EventSourceArn: `${QUEUE}-race` };
    const made = await Promise.allSettled(Array.from({ length: 10 }, () => create(world, input)));
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});
