/** /tmp: its size and number of files, that it is no memory of the function's, and what remains of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ScratchTemplates } from '../../src/sandboxes/linux/scratch-templates.ts';
import { skipUnless } from '../support/requirement.ts';
import { canMakeSandboxes, createSandbox, MEGABYTE, openSandboxes, runShell } from './linux-port.ts';

const folder = mkdtempSync(join(tmpdir(), 'lambdad-scratch-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const templates = new ScratchTemplates(folder);
const usual = canMakeSandboxes ? await templates.get(512 * MEGABYTE).catch(() => undefined) : undefined;
const skip = skipUnless(usual !== undefined, 'Linux, as root, with mkfs.ext4');

for (const [where, scratch] of [
  ['on disk', usual === undefined ? undefined : { templates, usual }],
  ['in memory', undefined],
] as const) {
  test(`/tmp ${where} has the size and the number of files that it should, and is everybody's`, { skip }, async () => {
    await using sandboxes = openSandboxes({ scratch });
    await using sandbox = await createSandbox(sandboxes, 2048);
    assert.equal(await runShell(sandbox, 'stat -c %a /tmp; ls -A /tmp | wc -l'), '1777\n0');
    const [blocks = 0, inodes = 0] = (await runShell(sandbox, 'stat -f -c "%a %S" /tmp; stat -f -c %c /tmp'))
      .split('\n')
      .map((line) =>
        line
          .split(' ')
          .map(Number)
          .reduce((product, each) => product * each, 1),
      );
    assert.ok(blocks >= 511 * MEGABYTE && blocks <= 515 * MEGABYTE, `${blocks} bytes`);
    assert.ok(inodes >= 32_768 && inodes < 33_000, `${inodes} files`);
    const full = await runShell(sandbox, 'head -c 530M /dev/zero 2>&1 > /tmp/a || cat /tmp/none; rm /tmp/a');
    assert.match(full, /No space left on device/);
    const files = `perl -e '$n = 0; while ($n < 50000) { open(my $f, ">", "/tmp/$n") or last; $n++ } print "$n $!\\n"'`;
    assert.match(await runShell(sandbox, files), /^327\d\d No space left on device$|^328\d\d No space left on device$/);
  });
}

test('512 MB written to /tmp on disk are no memory of a function with 128', { skip }, async () => {
  await using sandboxes = openSandboxes({ scratch: { templates, usual: usual as string } });
  await using sandbox = await createSandbox(sandboxes, 128);
  assert.equal(await runShell(sandbox, 'head -c 510M /dev/zero > /tmp/a && stat -c %s /tmp/a'), `${510 * MEGABYTE}`);
  assert.equal(await runShell(sandbox, 'stat -c %s /tmp/a'), `${510 * MEGABYTE}`, 'it stays after killAll');
  assert.equal(sandbox.outOfMemory(), false);
  await using next = await createSandbox(sandboxes, 128);
  assert.equal(await runShell(next, 'ls -A /tmp'), '');
});

test('a larger /tmp is made when it is asked for', { skip }, async () => {
  await using sandboxes = openSandboxes({ scratch: { templates, usual: usual as string } });
  await using sandbox = await createSandbox(sandboxes, 128, 10_240);
  const bytes = (await runShell(sandbox, 'stat -f -c "%a %S" /tmp')).split(' ').map(Number);
  const megabytes = ((bytes[0] as number) * (bytes[1] as number)) / MEGABYTE;
  assert.ok(megabytes >= 10_230 && megabytes <= 10_300, `${megabytes} MB`);
});
