import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { UnreadAnswers } from './unread-answers.ts';

/** A response whose client has left so much unread. */
class FakeResponse extends EventEmitter {
  readonly socket = { _handle: { writeQueueSize: 5 } };
  isGone = false;

  destroy(): void {
    this.isGone = true;
    this.emit('close');
  }
}

test('when much waits, all clients must read; beyond that the oldest answer goes', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const unread = new UnreadAnswers({ pressedBytes: 10, bytesMax: 20, pressedStalledMs: 200 });
  const hold = (bytes: number) => {
    const response = new FakeResponse();
    unread.hold(response as unknown as ServerResponse, bytes, 1000);
    return response;
  };
  const [oldest, second] = [hold(5), hold(5)];
  t.mock.timers.tick(500);
  const third = hold(5);
  hold(6);
  assert.deepEqual([oldest.isGone, second.isGone, unread.bytes], [true, false, 16]);
  third.socket._handle.writeQueueSize = 4;
  t.mock.timers.tick(50);
  // It had read nothing for half a second already; who reads is waited for.
  assert.deepEqual([second.isGone, third.isGone, unread.bytes], [true, false, 11]);
  t.mock.timers.tick(1500);
  assert.equal(unread.bytes, 0);
});
