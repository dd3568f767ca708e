import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FunctionKeys } from '../../src/access/function-keys.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { Environment, EnvironmentListener } from '../../src/environments/environment.ts';
import { type GivenCredentials, stsCredentials, usableUntil } from '../../src/environments/function-credentials.ts';
import type { VersionBody } from '../../src/functions/records.ts';
import { Pool } from '../../src/invoke/pool.ts';

const HOUR_MS = 3_600_000;
const IDLE_MS = 24 * HOUR_MS;
const OWNER = {
  account: '111111111111',
  region: 'us-east-1',
  functionName: 'f',
  roleArn: 'arn:aws:iam::111111111111:role/r',
};

/** An STS that counts how often it was asked. */
function countingSts(clock: FakeClock, sessionMs: number) {
  const asked: string[] = [];
  return {
    asked,
    assumeRole: async (_namespace: object, roleArn: string, sessionName: string) => {
      asked.push(`${roleArn} ${sessionName}`);
      const credentials = {
        accessKeyId: `ASIA${asked.length}`,
        secretAccessKey: 'secret',
        sessionToken: `token ${asked.length}`,
      };
      return { credentials, expiresAtMs: clock.now() + sessionMs };
    },
  };
}

describe('credentials of an STS', () => {
  const clock = new FakeClock();
  const keysOf = () => new FunctionKeys({ clock, ids: randomIds, findRole: () => undefined });

  it('are asked for once for a role and function, until they are half used up', async () => {
    const sts = countingSts(clock, HOUR_MS);
    const source = stsCredentials(sts, keysOf(), clock);
    const both = await Promise.all([source(OWNER), source(OWNER)]);
    clock.advance(HOUR_MS / 2 - 1);
    const third = await source(OWNER);
    assert.deepEqual(new Set([...both, third].map(({ credentials }) => credentials.accessKeyId)), new Set(['ASIA1']));
    clock.advance(1);
    assert.equal((await source(OWNER)).credentials.accessKeyId, 'ASIA2');
    await source({ ...OWNER, functionName: 'g' });
    await source({ ...OWNER, account: '222222222222' });
    assert.deepEqual(sts.asked, [
      `${OWNER.roleArn} f`,
      `${OWNER.roleArn} f`,
      `${OWNER.roleArn} g`,
      `${OWNER.roleArn} f`,
    ]);
  });

  it('are asked for again after a refusal', async () => {
    const sts = countingSts(clock, HOUR_MS);
    let fails = true;
    const failing = {
      assumeRole: async (...asked: Parameters<typeof sts.assumeRole>) => {
        if (fails) throw new Error('not now');
        return await sts.assumeRole(...asked);
      },
    };
    const source = stsCredentials(failing, keysOf(), clock);
    await assert.rejects(source(OWNER), /not now/);
    fails = false;
    assert.equal((await source(OWNER)).credentials.accessKeyId, 'ASIA1');
  });

  it('are accepted as those of the role while any environment has them', async () => {
    const keys = keysOf();
    const source = stsCredentials(countingSts(clock, HOUR_MS), keys, clock);
    const [one, other] = await Promise.all([source(OWNER), source(OWNER)]);
    assert.equal(keys.findSecret('ASIA1')?.account, OWNER.account);
    assert.equal(keys.findIdentity('ASIA1')?.session, 'f');
    one.takeBack();
    one.takeBack();
    assert.equal(keys.findSecret('ASIA1')?.sessionToken, 'token 1');
    other.takeBack();
    assert.equal(keys.findSecret('ASIA1'), undefined);
    assert.equal(keys.findIdentity('ASIA1'), undefined);
  });
});

describe('an environment whose credentials end', { timeout: 5_000 }, () => {
  const clock = new FakeClock();
  const TIMEOUT_MS = 3000;

  /** What the pool needs of an environment with credentials for an hour. */
  class FakeEnvironment {
    readonly initialized = Promise.resolve();
    readonly maxMemoryMb = 1;
    readonly usableUntilMs: number | undefined;
    readonly bornMs = clock.monotonic();
    readonly isFree = true;
    freeSinceMs = clock.monotonic();
    ended = false;

    constructor(given: Omit<GivenCredentials, 'credentials' | 'takeBack'>) {
      const whole = { ...given, credentials: { accessKeyId: '', secretAccessKey: '' }, takeBack: () => undefined };
      this.usableUntilMs = usableUntil(whole, TIMEOUT_MS, clock.now());
    }

    initialize = async () => true;

    freeze(): void {}

    async end(): Promise<void> {
      this.ended = true;
    }
  }

  function openPool(lastsMs: number) {
    const made: FakeEnvironment[] = [];
    const pool = new Pool({
      create: async (_target: object, _listener: EnvironmentListener) => {
        const environment = new FakeEnvironment({ expiresAtMs: clock.now() + lastsMs });
        made.push(environment);
        return environment as unknown as Environment;
      },
      clock,
      gate: { take: () => true, giveBack: () => {} },
      idleMs: IDLE_MS,
      maxAgeMs: IDLE_MS,
      fullWaitMs: 0,
    });
    return { pool, made, versions: pool.open({ account: '1', region: 'r', version: {} as VersionBody }) };
  }

  it('takes invokes until the last of them could outlive them, idle or at work', async () => {
    const { pool, made, versions } = openPool(HOUR_MS);
    const idle = await pool.take(versions);
    const busy = await pool.take(versions);
    versions.listener.free(idle);
    clock.advance(HOUR_MS - 120_000);
    assert.equal(pool.takeIdle(versions), idle);
    versions.listener.free(idle);
    clock.advance(120_000 - TIMEOUT_MS);
    assert.deepEqual(
      made.map(({ ended }) => ended),
      [true, false],
    );
    assert.equal(pool.takeIdle(versions), undefined);
    versions.listener.free(busy);
    assert.equal(made[1]?.ended, true);
    assert.equal(pool.takeIdle(versions), undefined);
  });

  it('is followed by another where it was kept ready', async () => {
    const { pool, made, versions } = openPool(HOUR_MS);
    let lost = 0;
    await pool.keep(versions, () => lost++);
    clock.advance(HOUR_MS);
    assert.deepEqual([made[0]?.ended, lost], [true, 1]);
  });

  it('serves the invoke that it was made for, however soon they end', async () => {
    const { pool, made, versions } = openPool(1);
    const environment = await pool.take(versions);
    assert.equal(made.length, 1);
    clock.advance(2000);
    versions.listener.free(environment);
    assert.equal(made[0]?.ended, true);
  });
});
