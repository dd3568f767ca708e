/** Which sandboxes are to end when the network around them changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Standing } from './standing.ts';

function standingOf() {
  const listeners: (() => void)[] = [];
  const network = { onLost: () => undefined, onChanged: (listener: () => void) => void listeners.push(listener) };
  const standing = new Standing(network, { drop: async () => undefined });
  const launcher = { gone: new Promise<void>(() => undefined) };
  const add = (plannedAt: number) => {
    const sandbox = {
      isRetired: false,
      retire: () => {
        sandbox.isRetired = true;
      },
    };
    return standing.addSandbox(sandbox, launcher, plannedAt);
  };
  return { standing, add, change: () => listeners.forEach((each) => void each()) };
}

test('a sandbox from before a change ends, also when it was still being made', () => {
  const { standing, add, change } = standingOf();
  const stands = add(standing.changes);
  const plannedAt = standing.changes;
  assert.equal(stands.isRetired, false);
  change();
  assert.equal(stands.isRetired, true);
  assert.equal(add(plannedAt).isRetired, true, 'planned before the change');
  assert.equal(add(standing.changes).isRetired, false, 'planned behind it');
});
