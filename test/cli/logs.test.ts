import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Follower, LATE_MS_MAX, type LoggedEvent } from '../../src/cli/follow.ts';
import { sinceMs } from '../../src/cli/logs.ts';
import { type FakeEvent, FakeLambda } from './fake-lambda.ts';
import { finish, outputWith, runCommand, startCommand } from './run-command.ts';

let count = 0;

function event(message: string, timestamp = Date.now()): FakeEvent {
  count += 1;
  return { eventId: String(count).padStart(8, '0'), logStreamName: 's', timestamp, message };
}

async function withLog(events: FakeEvent[] | undefined): Promise<FakeLambda> {
  const fake = await new FakeLambda().start();
  fake.functions.set('f', { FunctionName: 'f', LoggingConfig: { LogGroup: '/my/group' } });
  if (events) fake.logs.set('/my/group', events);
  return fake;
}

function messages(stdout: string): string[] {
  return stdout.split('\n').flatMap((line) => /^\d{4}-\S+Z (.*)$/.exec(line)?.[1] ?? []);
}

describe('logs', () => {
  it("prints the function's group through all pages, signed for logs", async () => {
    await using fake = await withLog([event('one\n'), event('two\n'), event('three\rfour\n')]);
    fake.pageSize = 2;
    const { code, stdout } = await runCommand(['logs', 'f'], { endpoint: fake.url });
    assert.equal(code, 0);
    assert.deepEqual(messages(stdout), ['one', 'two', 'three']);
    assert.match(stdout, /three\nfour\n/);
    const { headers } = fake.requests.at(-1)!;
    assert.match(String(headers.authorization), /\/us-east-1\/logs\/aws4_request, SignedHeaders=[^,]*x-amz-target/);
  });

  it('goes back ten minutes, or as far as --since says', async () => {
    await using fake = await withLog([event('old', Date.now() - 3_600_000), event('new')]);
    const at = { endpoint: fake.url };
    assert.deepEqual(messages((await runCommand(['logs', 'f'], at)).stdout), ['new']);
    assert.deepEqual(messages((await runCommand(['logs', 'f', '--since', '2h'], at)).stdout), ['old', 'new']);
    const json = await runCommand(['logs', 'f', '--json'], at);
    assert.equal(JSON.parse(json.stdout).message, 'new');
    const none = await runCommand(['logs', 'f', '--since', '0s'], at);
    assert.deepEqual([none.code, none.stdout], [0, '']);
    assert.match(none.stderr, /nothing in \/my\/group since/);
  });

  it('is empty for a function that never ran, and fails for one that never was', async () => {
    await using fake = await withLog(undefined);
    assert.equal((await runCommand(['logs', 'f'], { endpoint: fake.url })).code, 0);
    const unknown = await runCommand(['logs', 'g'], { endpoint: fake.url });
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /ResourceNotFoundException/);
    fake.logs.set('/aws/lambda/g', [event('left behind')]);
    const deleted = await runCommand(['logs', 'g'], { endpoint: fake.url });
    assert.deepEqual(messages(deleted.stdout), ['left behind']);
  });

  it('follows what is written, from before the group is there, late events included, until Ctrl-C', async () => {
    await using fake = await withLog(undefined);
    const child = startCommand(['logs', 'f', '-f'], { endpoint: fake.url });
    const done = finish(child);
    const events: FakeEvent[] = [event('first')];
    fake.logs.set('/my/group', events);
    await outputWith(child, 'first');
    const writtenAt = performance.now();
    events.push(event('second'));
    await outputWith(child, 'second');
    assert.ok(performance.now() - writtenAt < 1000, 'shown within a second');
    events.push(event('late', Date.now() - 1000), event('last'));
    await outputWith(child, 'last');
    child.kill('SIGINT');
    const { code, stdout } = await done;
    assert.equal(code, 0);
    assert.deepEqual(messages(stdout), ['first', 'second', 'late', 'last']);
  });
});

describe('Follower', () => {
  const logged = (eventId: string, timestamp: number): LoggedEvent => ({
    eventId,
    timestamp,
    logStreamName: 's',
    message: eventId,
  });

  it('gives each event once, and what comes late within the overlap', () => {
    const follower = new Follower(0);
    const ids = (page: LoggedEvent[]) => follower.fresh(page).map(({ eventId }) => eventId);
    assert.deepEqual(ids([logged('a', 10_000), logged('b', 20_000)]), ['a', 'b']);
    follower.endOfRead();
    assert.equal(follower.startMs, 20_000 - LATE_MS_MAX);
    assert.deepEqual(ids([logged('late', 16_000), logged('b', 20_000), logged('c', 20_000)]), ['late', 'c']);
    follower.endOfRead();
    assert.deepEqual(ids([logged('late', 16_000), logged('b', 20_000), logged('c', 20_000)]), []);
  });

  it('remembers a bounded number and repeats nothing beyond it', () => {
    const follower = new Follower(0);
    const many = Array.from({ length: 60_000 }, (_, i) => logged(String(i), 1_000_000 + Math.floor(i / 20)));
    assert.equal(follower.fresh(many).length, many.length);
    follower.endOfRead();
    assert.ok(follower.startMs > 1_000_000, 'the start moved on');
    assert.deepEqual(follower.fresh(many), []);
  });
});

describe('sinceMs', () => {
  it('takes spans and times', () => {
    assert.equal(sinceMs('90s', 100_000), 10_000);
    assert.equal(sinceMs('1d', 86_400_001), 1);
    assert.equal(sinceMs('2026-01-02T03:04:05Z', 0), Date.UTC(2026, 0, 2, 3, 4, 5));
    for (const text of ['', '10', 'm', '10y', 'tomorrow']) assert.throws(() => sinceMs(text, 0), /--since/);
  });
});
