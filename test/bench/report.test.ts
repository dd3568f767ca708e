// What `npm run bench` says of what it has measured: its table, its JSON and its exit code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMet } from '../../bench/aim.ts';
import { describeMachine, jsonOf, type PartReport, tableOf } from '../../bench/report.ts';
import { conclusionOf, runParts } from '../../bench/run-parts.ts';
import { row } from '../../bench/statistics.ts';

const blocks = [
  { ours: 10, bare: 20 },
  { ours: 90, bare: 30 },
  { ours: 12, bare: 10 },
];
const slow = row('slow', 'ms', '≤ 1.1', blocks);
const quick = row('quick', 'req/s', '≥ 0.5', [{ ours: 50, bare: 100 }]);
const missing = { what: 'absent', aim: '≤ 1.2', lacks: 'a JDK' } as const;

test('a row has the median of its blocks’ ratios, and keeps the blocks', () => {
  assert.deepEqual({ ...slow }, { what: 'slow', unit: 'ms', aim: '≤ 1.1', ours: 12, bare: 20, ratio: 1.2, blocks });
});

test('aims are limits of the ratio, or of the figure itself, and count their own number as met', () => {
  assert.equal(isMet('≤ 1.2', { ours: 0, ratio: 1.2 }), true);
  assert.equal(isMet('≤ 1.2', { ours: 0, ratio: 1.204 }), false);
  assert.equal(isMet('≥ 0.10', { ours: 0, ratio: 0.1 }), true);
  assert.equal(isMet('≥ 0.10', { ours: 0, ratio: 0.099 }), false);
  assert.equal(isMet('< 1000 ms', { ours: 999, ratio: 50 }), true);
  assert.equal(isMet('< 1000 ms', { ours: 1000, ratio: 0.5 }), false);
  assert.equal(isMet('shown', { ours: 1, ratio: 1 }), undefined);
  assert.throws(() => isMet('≤ 1,2' as '≤ 1', { ours: 1, ratio: 1 }), /no such aim: ≤ 1,2/);
});

test('the table shows every row with its aim and whether it is met', () => {
  const parts: PartReport[] = [{ part: 'a', tookS: 1, rows: [slow, quick, missing] }];
  assert.deepEqual(tableOf(parts), [
    'measure  lambdad          bare          ratio  aim    met',
    'slow     12.00 ms         20.00 ms      1.20   ≤ 1.1  NO',
    'quick    50.00 req/s      100.00 req/s  0.50   ≥ 0.5  yes',
    'absent   not here: a JDK                       ≤ 1.2',
  ]);
});

test('the JSON has the machine, each row with its blocks, and what could not be measured', () => {
  const machine = describeMachine(new Date(0));
  const parts: PartReport[] = [
    { part: 'a', tookS: 1.5, rows: [slow, missing] },
    { part: 'b', tookS: 0.1, rows: [], failure: 'Error: refused' },
  ];
  const told = JSON.parse(jsonOf(machine, parts));
  assert.equal(told.machine.date, '1970-01-01T00:00:00.000Z');
  assert.equal(told.machine.nodeVersion, process.version);
  assert.ok(told.machine.processors > 0 && told.machine.memoryMb > 0 && told.machine.kernel !== '');
  assert.equal(told.machine.loadAverage.length, 3);
  assert.deepEqual(told.tookS, { a: 1.5, b: 0.1 });
  assert.deepEqual(told.rows, [
    { part: 'a', what: 'slow', unit: 'ms', aim: '≤ 1.1', ours: 12, bare: 20, ratio: 1.2, blocks, met: false },
    { part: 'a', ...missing },
  ]);
  assert.deepEqual(told.failures, [{ part: 'b', failure: 'Error: refused' }]);
});

test('a part that fails ends the run with 1 after all the others; a missed aim does not', async () => {
  const heard: string[] = [];
  const hear = (reports: readonly PartReport[]) => heard.push(reports.map(({ part }) => part).join());
  const missed = await runParts([['slow', async () => [slow]]], hear);
  assert.equal(conclusionOf(missed).exitCode, 0);
  const failing = async function* () {
    yield slow;
    throw new Error('the server did not start');
  };
  const reports = await runParts(
    [
      ['failing', failing],
      ['quick', async () => [quick]],
    ],
    hear,
  );
  assert.deepEqual(heard, ['slow', 'failing', 'failing,quick']);
  const { lines, exitCode } = conclusionOf(reports);
  assert.equal(exitCode, 1);
  assert.match(lines.join('\n'), /^slow .* NO$/m);
  assert.match(lines.join('\n'), /^quick .* yes$/m);
  assert.match(lines.join('\n'), /^failing could not be measured: Error: the server did not start/m);
});
