import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NeighbourRefusal, NeighbourUnreachable } from '../../src/neighbours/neighbours.ts';
import { IteratedReader } from '../../src/pollers/iterated-reader.ts';
import { streamTrouble } from '../../src/pollers/stream-trouble.ts';
import type { ReadPosition } from '../../src/sources/source-port.ts';

const signal = new AbortController().signal;
const request = { recordsMax: 10, waitMs: 0, signal };
const refusal = (code: string, isFault = false) =>
  new NeighbourRefusal('kinesis', 'GetRecords', code, 'no', { isFault });

describe('a reader with iterators', () => {
  it('makes a new one behind the record it read last when the old one expired', async () => {
    const positions: ReadPosition[] = [];
    let pages = 0;
    const record = (id: string) => ({ id, event: {}, eventBytes: 2, arrivedMs: 0 });
    const reader = new IteratedReader(
      {
        streamArn: 'arn',
        async iterator(position) {
          positions.push(position);
          return `iterator-${positions.length}`;
        },
        async page(iterator) {
          if (++pages === 2) throw refusal('ExpiredIteratorException');
          return { records: [record(`${iterator}-${pages}`)], next: pages === 3 ? undefined : iterator };
        },
      },
      { type: 'TRIM_HORIZON' },
    );
    assert.equal((await reader.read(request)).isEnd, false);
    const { records, isEnd } = await reader.read(request);
    assert.deepEqual(positions, [{ type: 'TRIM_HORIZON' }, { type: 'AFTER', id: 'iterator-1-1' }]);
    assert.deepEqual([records[0]?.id, isEnd], ['iterator-2-3', true]);
  });
});

describe('what a stream refuses', () => {
  it('is told apart by its code', () => {
    const kinds = [
      'ResourceNotFoundException',
      'TrimmedDataAccessException',
      'ProvisionedThroughputExceededException',
      'LimitExceededException',
      'AccessDeniedException',
      'UnrecognizedClientException',
      'ValidationException',
    ].map((code) => streamTrouble(refusal(code), 'arn').kind);
    assert.deepEqual(kinds, ['missing', 'trimmed', 'busy', 'busy', 'denied', 'denied', 'refused']);
    assert.equal(streamTrouble(refusal('InternalServerError', true), 'arn').kind, 'unreachable');
    assert.equal(streamTrouble(new NeighbourUnreachable('no answer'), 'arn').kind, 'unreachable');
  });
});
