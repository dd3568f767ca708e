import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseReference } from '../../src/functions/function-name.ts';
import { resolveInvoke } from '../../src/functions/resolve.ts';
import { cachedMetadata } from '../../src/store/cached-metadata.ts';
import { ACCOUNT, ARN, createActive, makeWorld, REGION, rejects } from '../support/function-world.ts';

const NAMESPACE = { account: ACCOUNT, region: REGION };

describe('names of functions', () => {
  it('come in every form', () => {
    const forms: readonly (readonly [string, string, string?])[] = [
      ['one', 'one'],
      ['one:live', 'one', 'live'],
      ['one:$LATEST', 'one', '$LATEST'],
      ['function:one', 'one'],
      [`${ACCOUNT}:function:one`, 'one'],
      [`${ACCOUNT}:function:one:7`, 'one', '7'],
      [`${ACCOUNT}:one`, 'one'],
      [`${REGION}:${ACCOUNT}:function:one`, 'one'],
      [`${ARN}:one`, 'one'],
      [`${ARN}:one:$LATEST.PUBLISHED`, 'one', '$LATEST.PUBLISHED'],
      ['with.dots-and_more', 'with.dots-and_more'],
    ];
    for (const [text, name, qualifier] of forms)
      assert.deepEqual(parseReference(NAMESPACE, text), qualifier === undefined ? { name } : { name, qualifier }, text);
    assert.deepEqual(parseReference(NAMESPACE, 'one:a', 'a'), { name: 'one', qualifier: 'a' });
  });
});

describe('the target of an invoke', { timeout: 10_000 }, () => {
  it('is there without waiting once the store has seen it, and follows every change', async () => {
    const world = await makeWorld();
    const metadata = cachedMetadata(world.metadata, 100);
    await createActive(world, 'one', { Publish: true });
    await world.call('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1' });
    const resolve = (qualifier?: string) => resolveInvoke(metadata, world.services.ids, NAMESPACE, 'one', qualifier);
    const cold = resolve('live');
    assert.ok(cold instanceof Promise);
    assert.equal((await cold).version.version, '1');
    const warm = resolve('live');
    assert.ok(!(warm instanceof Promise));
    assert.equal(warm.version.version, '1');
    assert.equal(warm.invokedArn, `${ARN}:one:live`);
    const latest = resolve();
    assert.ok(!(latest instanceof Promise));
    assert.equal(latest.version.version, '$LATEST');
    assert.equal(latest.invokedArn, `${ARN}:one`);
    await rejects(Promise.resolve(resolve('nix')), 'ResourceNotFoundException', `Function not found: ${ARN}:one:nix`);
    await world.close();
  });
});
