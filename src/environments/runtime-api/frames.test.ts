/** The frame parser against whatever bytes come, in whatever pieces: at worst a MalformedRequest, never anything kept. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ERROR, eventFrame, FrameParser, LAST_ERROR, RESPONSE, type ResultHead } from './frames.ts';
import { MalformedRequest } from './request-parser.ts';

const BODY_BYTES_MAX = 1000;
const ID = '8476a536-e9f4-11e8-9739-2dfe598c3fcd';

/** One seed, so that a failure is found again. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function frame(kind: number, fields: string, body: Buffer): Buffer {
  const head = Buffer.alloc(12);
  for (const [at, value] of [kind, fields.length, body.length].entries()) head.writeUInt32BE(value, at * 4);
  return Buffer.concat([head, Buffer.from(fields, 'latin1'), body]);
}

interface Heard extends ResultHead {
  readonly body: string;
  readonly tooLarge: boolean;
}

function listening() {
  const heard: Heard[] = [];
  const begun: ResultHead[] = [];
  const parser = new FrameParser(BODY_BYTES_MAX, {
    begun: (head) => begun.push(head),
    result: (head, body, tooLarge) => heard.push({ ...head, body: body.toString('latin1'), tooLarge }),
  });
  return { parser, heard, begun };
}

function feedInPieces(parser: FrameParser, bytes: Buffer, below: (below: number) => number): void {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + below(below(4) === 0 ? 2000 : 20));
    parser.feed(bytes.subarray(at, end));
    at = end;
  }
}

describe('the frame parser', () => {
  it('gives the same results however the bytes are cut', () => {
    const below = numbersFrom(1);
    const bodies = [0, 1, 40, 999, BODY_BYTES_MAX, BODY_BYTES_MAX + 1, 70_000].map((length) =>
      Buffer.alloc(length, 'b'),
    );
    const kinds = [RESPONSE, ERROR, LAST_ERROR] as const;
    const sent = bodies.map((body, index) => {
      const kind = kinds[index % 3] as (typeof kinds)[number];
      const errorType = kind === RESPONSE ? undefined : 'Runtime.X';
      const cause = kind === ERROR ? '{"exceptions":[]}' : undefined;
      const fields = errorType === undefined ? ID : [ID, errorType, cause ?? ''].join('\n');
      const tooLarge = body.length > BODY_BYTES_MAX;
      const expected: Heard = {
        kind,
        requestId: ID,
        errorType,
        cause,
        body: tooLarge ? '' : body.toString('latin1'),
        tooLarge,
      };
      return { bytes: frame(kind, fields, body), expected };
    });
    const bytes = Buffer.concat(sent.map((each) => each.bytes));
    for (let round = 0; round < 300; round++) {
      const { parser, heard } = listening();
      feedInPieces(parser, bytes, below);
      assert.deepEqual(
        heard,
        sent.map(({ expected }) => expected),
      );
      assert.equal(parser.isWithin, false);
    }
  });

  it('says that a result has begun, and that it is within one', () => {
    const { parser, heard, begun } = listening();
    const bytes = frame(RESPONSE, ID, Buffer.from('{}'));
    parser.feed(bytes.subarray(0, bytes.length - 1));
    assert.deepEqual(begun, [{ kind: RESPONSE, requestId: ID, errorType: undefined, cause: undefined }]);
    assert.deepEqual([heard.length, parser.isWithin], [0, true]);
    parser.feed(bytes.subarray(-1));
    assert.deepEqual([heard.length, parser.isWithin], [1, false]);
    parser.feed(bytes);
    assert.deepEqual([heard.length, begun.length], [2, 1]);
  });

  it('refuses random bytes, or takes them for frames, and throws nothing else', () => {
    const below = numbersFrom(2);
    let refused = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(Array.from({ length: 1 + below(80) }, () => below(256)));
      // Half of them begin as a frame does.
      if (below(2) === 0) frame(below(5), ID.slice(0, below(36)), Buffer.alloc(below(50))).copy(bytes);
      const { parser } = listening();
      try {
        feedInPieces(parser, bytes, below);
      } catch (error) {
        assert.ok(error instanceof MalformedRequest, `round ${round}: ${error}`);
        refused++;
      }
    }
    assert.ok(refused > 1000);
  });

  it('keeps nothing of a body that is too long, and little of what says that it will be', () => {
    const { parser, heard } = listening();
    const head = frame(RESPONSE, ID, Buffer.alloc(0));
    head.writeUInt32BE(0xffffffff, 8);
    parser.feed(head);
    const before = process.memoryUsage().arrayBuffers;
    const piece = Buffer.alloc(65_536);
    for (let round = 0; round < 1000; round++) parser.feed(piece);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_048_576);
    assert.equal(heard.length, 0);
    assert.throws(
      () => listening().parser.feed(frame(RESPONSE, 'x'.repeat(131_073), Buffer.alloc(0))),
      MalformedRequest,
    );
  });

  it('frees a piece once all of it is copied, its head too, but none of which a result was handed out', () => {
    const results: Buffer[] = [];
    const parser = new FrameParser(1_000_000, { begun: () => undefined, result: (_head, body) => results.push(body) });
    const small = frame(RESPONSE, ID, Buffer.alloc(9000, 'a'));
    const large = frame(RESPONSE, ID, Buffer.alloc(100_000, 'b'));
    const pieces = [Buffer.concat([small, large.subarray(0, 60_000)]), Buffer.concat([large.subarray(60_000)])];
    for (const piece of pieces) parser.feed(piece);
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [small.length + 60_000, 0],
    );
    const both = [large.subarray(0, 60_000), large.subarray(60_000)].map((piece) => Buffer.concat([piece]));
    for (const piece of both) parser.feed(piece);
    assert.deepEqual(
      both.map(({ length }) => length),
      [0, 0],
    );
    const bodies = results.map((body) => body.toString());
    assert.deepEqual(bodies, ['a'.repeat(9000), 'b'.repeat(100_000), 'b'.repeat(100_000)]);
  });
});

it('fields of an event cannot hold what ends a field', () => {
  const [bytes] = eventFrame({
    requestId: ID,
    deadlineMs: 1,
    invokedArn: 'arn',
    traceHeader: 'Root=\n\r',
    contentType: 'a\nb',
    tenantId: 'é',
    clientContext: '{"a":"\n"}',
    payload: Buffer.from('{}'),
  }) as [Buffer];
  const fields = bytes.toString('latin1', 12, 12 + bytes.readUInt32BE(4)).split('\n');
  assert.deepEqual(fields, [ID, '1', 'arn', 'Root=\\u000a\\u000d', 'a\\u000ab', '\\u00e9', '{"a":"\\u000a"}']);
  assert.equal(bytes.toString('latin1', 12 + bytes.readUInt32BE(4)), '{}');
});
