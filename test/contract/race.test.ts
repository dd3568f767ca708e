import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CreateAliasCommand, PublishVersionCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { KeyedMutex } from '../../src/base/mutex.ts';
import { ApiError } from '../../src/model/api-error.ts';
import type { OperationContext } from '../../src/operations/operation.ts';
import type { MetadataStore } from '../../src/store/metadata.ts';
import { createActive, makeWorld, type World } from '../support/function-world.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { randomFromSeed } from './random-from-seed.ts';

const ROUNDS = 1_000;
const ROUNDS_OVER_HTTP = 60;
const SEED = 20_153;
/** Turns of the event loop that a store may take for one request. */
const TURNS_MAX = 4;

/** A store that answers after a while that is never the same, so that two writers meet in every order. */
function slow(store: MetadataStore, random: () => number): MetadataStore {
  const wait = async () => {
    for (let turns = Math.floor(random() * TURNS_MAX); turns > 0; turns--) await nextTurn();
  };
  return {
    ...store,
    async get(key) {
      await wait();
      return store.get(key);
    },
    async commit(changes) {
      await wait();
      const revisions = await store.commit(changes);
      await wait();
      return revisions;
    },
  };
}

type As = Partial<OperationContext>;

interface Contest {
  readonly revision: (world: World) => Promise<string | undefined>;
  readonly write: (world: World, as: As, RevisionId: string, who: number) => Promise<unknown>;
}

const alias = { FunctionName: 'f', Name: 'live' };

/** Every operation that takes a RevisionId and can be repeated any number of times. */
const contests: Readonly<Record<string, Contest>> = {
  UpdateAlias: {
    revision: async (world) => (await world.output('GetAlias', alias)).RevisionId,
    write: (world, as, RevisionId, who) =>
      world.call('UpdateAlias', { ...alias, RevisionId, Description: `${who}` }, as),
  },
  UpdateFunctionConfiguration: {
    revision: async (world) => (await world.output('GetFunctionConfiguration', { FunctionName: 'f' })).RevisionId,
    write: (world, as, RevisionId, who) =>
      world.call('UpdateFunctionConfiguration', { FunctionName: 'f', RevisionId, Description: `${who}` }, as),
  },
  PublishVersion: {
    revision: async (world) => {
      await world.call('UpdateFunctionConfiguration', { FunctionName: 'f', Description: `${Math.random()}` });
      await world.activation.idle();
      return (await world.output('GetFunctionConfiguration', { FunctionName: 'f' })).RevisionId;
    },
    write: (world, as, RevisionId) => world.call('PublishVersion', { FunctionName: 'f', RevisionId }, as),
  },
  AddPermission: {
    revision: async (world) => {
      await world.call('RemovePermission', { FunctionName: 'f', StatementId: 's' }).catch(() => undefined);
      return (await world.output('GetPolicy', { FunctionName: 'f' })).RevisionId;
    },
    write: (world, as, RevisionId) => {
      const statement = { StatementId: 's', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' };
      return world.call('AddPermission', { FunctionName: 'f', RevisionId, ...statement }, as);
    },
  },
};

async function makeContestants(): Promise<World> {
  const world = await makeWorld();
  await createActive(world, 'f', { Publish: true });
  await world.call('CreateAlias', { ...alias, FunctionVersion: '1' });
  const statement = { StatementId: 'always', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' };
  await world.call('AddPermission', { FunctionName: 'f', ...statement });
  return world;
}

describe('two writers with the same RevisionId', { timeout: 60_000 }, () => {
  for (const [title, oneServer] of [
    ['in one server', true],
    ['in two servers, which only the store keeps apart', false],
  ] as const)
    it(`exactly one wins, ${ROUNDS / 2} times over, ${title}`, async () => {
      const world = await makeContestants();
      const random = randomFromSeed(SEED);
      const metadata = slow(world.metadata, random);
      const names = Object.keys(contests);
      try {
        for (let round = 0; round < ROUNDS / 2; round++) {
          const name = names[round % names.length] as string;
          const { revision, write } = contests[name] as Contest;
          const read = await revision(world);
          assert.ok(read, name);
          const shared = new KeyedMutex();
          const settled = await Promise.allSettled(
            [0, 1].map((who) => {
              const locks = oneServer ? shared : new KeyedMutex();
              return write(world, { services: { ...world.services, metadata, locks } }, read, who);
            }),
          );
          const lost = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
          assert.equal(lost.length, 1, `round ${round}, ${name}: ${lost.join(', ')}`);
          assert.ok(lost[0] instanceof ApiError, `round ${round}, ${name}: ${(lost[0] as Error).stack}`);
          // Whoever comes while the winner's update is being prepared may hear of that instead.
          assert.match(lost[0].name, /^(PreconditionFailedException|ResourceConflictException)$/);
          await world.activation.idle();
        }
      } finally {
        await world.close();
      }
    });

  it(`exactly one wins, ${ROUNDS_OVER_HTTP} times over, through HTTP`, async () => {
    const server = await startTestServer();
    try {
      const clients = [0, 1].map(() => server.client({ maxAttempts: 1 }));
      const [first] = clients as [(typeof clients)[0]];
      await createFunction(first, 'f', { files: { 'index.mjs': 'export const handler = async () => 1;\n' } });
      await first.send(new PublishVersionCommand({ FunctionName: 'f' }));
      let { RevisionId } = await first.send(new CreateAliasCommand({ ...alias, FunctionVersion: '1' }));
      for (let round = 0; round < ROUNDS_OVER_HTTP; round++) {
        const input = { ...alias, RevisionId, Description: `${round}` };
        const settled = await Promise.allSettled(clients.map((client) => client.send(new UpdateAliasCommand(input))));
        const won = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
        const lost = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
        assert.equal(won.length, 1, `round ${round}: ${lost.join(', ')}`);
        assert.equal(lost[0]?.name, 'PreconditionFailedException');
        RevisionId = won[0]?.RevisionId;
      }
    } finally {
      await server.stop();
    }
  });
});
