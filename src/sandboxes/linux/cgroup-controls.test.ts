import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processorsOf, weightOf } from './cgroup-controls.ts';
import * as v1 from './cgroup-v1.ts';
import * as v2 from './cgroup-v2.ts';
import { describeMeasures } from './describe-measures.ts';

const MEGABYTE = 1_048_576;

/** What the controls write, on a folder that plays a group: no machine has all controllers in both versions. */
function writtenBy(kind: typeof v1 | typeof v2): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'lambdad-group-'));
  try {
    kind.memoryControl(directory).limit(128 * MEGABYTE);
    kind.cpuControl(directory).weigh(weightOf(1024 * MEGABYTE));
    kind.cpuControl(directory).allow(processorsOf(1769 * MEGABYTE, 8) / 2);
    kind.tasksControl(directory).limit(1026);
    kind.freezerControl(directory).freeze();
    return Object.fromEntries(
      readdirSync(directory)
        .filter((name) => name !== 'memory.oom.group')
        .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('both versions are told the same in their own words', () => {
  assert.deepEqual(writtenBy(v1), {
    'cpu.cfs_period_us': '20000',
    'cpu.cfs_quota_us': '10000',
    'cpu.shares': '5243',
    'freezer.state': 'FROZEN',
    'memory.limit_in_bytes': '134217728',
    'memory.memsw.limit_in_bytes': '134217728',
    'pids.max': '1026',
  });
  assert.deepEqual(writtenBy(v2), {
    'cgroup.freeze': '1',
    'cpu.max': '10000 20000',
    'cpu.weight': '512',
    'memory.max': '134217728',
    'memory.swap.max': '0',
    'pids.max': '1026',
  });
});

test('what version 2 says of memory is read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lambdad-group-'));
  writeFileSync(join(directory, 'memory.events'), 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n');
  writeFileSync(join(directory, 'memory.current'), '4096\n');
  const memory = v2.memoryControl(directory);
  assert.equal(memory.oomKills(), 2);
  assert.equal(memory.peakBytes(), 4096, 'a kernel before 5.19 keeps no peak');
  writeFileSync(join(directory, 'memory.peak'), '8192\n');
  assert.equal(memory.peakBytes(), 8192);
  rmSync(directory, { recursive: true });
});

test('processors and weights go with the memory', () => {
  assert.equal(weightOf(128 * MEGABYTE) * 8, weightOf(1024 * MEGABYTE));
  assert.equal(processorsOf(1769 * MEGABYTE, 8), 1);
  assert.equal(processorsOf(10_240 * MEGABYTE, 8).toFixed(2), '5.79');
  assert.equal(processorsOf(32_768 * MEGABYTE, 64), 6);
  assert.equal(processorsOf(10_240 * MEGABYTE, 2), 2);
});

test('what is there and what stands in for the rest is said', () => {
  assert.equal(
    describeMeasures({ memory: 1, cpu: 1, pids: 1, freezer: 2 }),
    'memory, processors, processes by cgroup v1; freezing by cgroup v2',
  );
  assert.equal(
    describeMeasures({ pids: 2 }),
    'processes by cgroup v2; memory watched, not limited; processors not shared by memory; stopped by signals, not frozen',
  );
});
