/** Nothing of an environment stays behind, however it ended, and nothing of a server that was killed once the next one runs. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { everythingRequired, skipUnless } from '../support/requirement.ts';
import { moreThan } from './holdings.ts';
import type { LeakReport } from './leak-rounds.ts';
import { onDisposableMachine } from './on-disposable-machine.ts';

/** The full number where everything is checked; a tenth of it elsewhere. */
const ROUNDS = everythingRequired ? 1000 : 100;
const LEAKS_MS_MAX = 900_000;
const skip = skipUnless(process.platform === 'linux' && process.getuid?.() === 0, 'the leak rounds need root on Linux');

describe(`what ${ROUNDS} rounds of create, invoke and delete leave`, { skip, timeout: LEAKS_MS_MAX }, () => {
  let report: LeakReport;

  before(
    async () => {
      report = await onDisposableMachine<LeakReport>('leak-rounds.ts', String(ROUNDS));
    },
    { timeout: LEAKS_MS_MAX },
  );

  test('a tenth of them failed', () => {
    assert.equal(report.rounds, ROUNDS);
    assert.ok(report.failures >= ROUNDS / 20, `${report.failures} failures`);
    const { processes, directories, firewallRules } = report.before;
    assert.ok(processes > 1 && directories > 1, JSON.stringify(report.before));
    // Without nft nobody can count them.
    if (everythingRequired) assert.ok(firewallRules > 0, JSON.stringify(report.before));
  });

  test('is nothing', () => {
    assert.deepEqual(moreThan(report.before, report.after), [], report.newDirectories.join('\n'));
  });

  test('is nothing after a kill of the server and a restart either', () => {
    assert.deepEqual(moreThan(report.before, report.afterKill), []);
  });
});
