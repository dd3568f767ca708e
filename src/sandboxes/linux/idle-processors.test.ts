/** How many processors are idle, by what the kernel counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idleProcessors } from './idle-processors.ts';

function machineOf(processors: number) {
  const machine = { busy: 1000, idle: 1000, waiting: 0, isReadable: true };
  const read = () => {
    if (!machine.isReadable) throw new Error('no such file');
    const { busy, idle, waiting } = machine;
    return `cpu  ${busy} 0 0 ${idle} ${waiting} 0 0 0 0 0\ncpu0 1 2 3 4\n`;
  };
  return { machine, idle: idleProcessors(read, processors) };
}

test('what is idle is counted from one call to the next, also while it waits for a disk', () => {
  const { machine, idle } = machineOf(4);
  machine.busy += 30;
  machine.idle += 8;
  machine.waiting += 2;
  assert.equal(idle(), 1);
  machine.idle += 20;
  assert.equal(idle(), 4);
});

test('a time too short for the kernel to count says what the last one said', () => {
  const { machine, idle } = machineOf(2);
  machine.busy += 20;
  assert.equal(idle(), 0);
  machine.idle += 2;
  assert.equal(idle(), 0);
  machine.idle += 20;
  assert.equal(idle(), 2);
});

test('where nobody can tell all are', () => {
  const { machine, idle } = machineOf(2);
  machine.isReadable = false;
  machine.busy += 20;
  assert.equal(idle(), 2);
});
