/** A server whose disk is full while it accepts events and while attempts end. */
import { describe, it } from 'node:test';
import { onSmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';

const script = new URL('./full-disk-story.ts', import.meta.url);

const run = (scenario: string) => onSmallDisk(script, scenario, { size: '12m' });

const timeout = 180_000;

describe('asynchronous invokes on a full disk', { skip: whyNoSmallDisk(), timeout }, () => {
  it('are refused, lose nothing, repeat nothing, and go on when there is room', { timeout }, () => run('goes on'));
  it('are taken up by a server that starts on it', { timeout }, () => run('killed'));
});
