import { describe, it } from 'node:test';
import { onSmallDisk, whyNoSmallDisk } from '../support/small-disk.ts';

/** Large enough for SQLite's files and small enough to fill in a moment. */
const size = '6m';

const script = new URL('./full-disk-writer.ts', import.meta.url);

const run = (scenario: string) => onSmallDisk(script, scenario, { size });

describe('a full disk', { skip: whyNoSmallDisk(), timeout: 60_000 }, () => {
  it('refuses commits cleanly, and deletions make room', () => run('metadata'));
  it('takes commits again when there is room', () => run('more room'));
  it('refuses blobs cleanly, and leaves nothing half-written', () => run('blobs'));
  it('refuses events cleanly, keeps those it accepted, and takes more when some have ended', () => run('events'));
  it('is said in one line at the start', () => run('opening'));
  it('a read-only one too', () => onSmallDisk(script, 'read-only', { size, readOnly: true }));
});
