/**
 * The isolation battery: what strangers' code tries from inside a Node and a Python function. Nothing gets through; and every
 * probe gets through where just the walls are missing that stand before it, so that none passes for want of trying.
 *
 * All of it happens on a disposable machine: namespaces of its own for mounts, processes, network, IPC and host name, so that a
 * probe that succeeds harms nothing.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { skipUnless } from '../support/requirement.ts';
import type { BatteryReport } from './battery-run.ts';
import { onDisposableMachine } from './on-disposable-machine.ts';
import { probeWalls } from './probe-layers.ts';

const BATTERY_MS_MAX = 300_000;
const PROBES_MIN = 40;
const names = Object.keys(probeWalls);
const skip = skipUnless(process.platform === 'linux' && process.getuid?.() === 0, 'the battery needs root on Linux');

const runBattery = () => onDisposableMachine<BatteryReport>('battery-run.ts');

describe('the isolation battery', { skip, timeout: BATTERY_MS_MAX }, () => {
  let report: BatteryReport;

  before(
    async () => {
      report = await runBattery();
    },
    { timeout: BATTERY_MS_MAX },
  );

  test('has probes enough, and runs in a real sandbox', () => {
    assert.ok(names.length >= PROBES_MIN, `${names.length} probes`);
    assert.match(report.sandbox, /linux namespaces/);
  });

  for (const runtime of ['node', 'python'] as const) {
    test(`nothing gets through from inside a ${runtime} function`, () => {
      const through = Object.entries(report[runtime]).filter(([, outcome]) => outcome.stopped === undefined);
      assert.deepEqual(through, []);
      const skipped = names.filter((name) => report[runtime][name] === undefined && name !== 'datagram_to_the_host');
      assert.deepEqual(skipped, []);
    });
  }

  for (const name of names) {
    test(`${name}: gets through without its walls`, () => {
      const outcome = report.unwalled[name];
      assert.ok(outcome?.through, `stopped by something else: ${outcome?.stopped}`);
    });
  }
});
