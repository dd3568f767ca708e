/** The limits of an environment's life, on a clock of the test's own: runtime-facts 2 "Shutdown", 5 and 6. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EnvironmentLost } from '../../src/environments/environment.ts';
import type { ProcessExit } from '../../src/environments/sandbox.ts';
import {
  extension,
  fakeEnvironment,
  idle,
  okRuntime,
  request,
  settled,
  stubbornRuntime,
  until,
} from './fake-environment.ts';
import type { Program } from './fake-sandbox.ts';

const text = (payload: Uint8Array) => Buffer.from(payload).toString();
const LIMIT = { timeout: 20_000 };

describe('an init', LIMIT, () => {
  it('has 10 s, then once more the function’s timeout within the invoke', async (t) => {
    const { environment, sandbox, clock, lines, heard } = await fakeEnvironment(t, { runtime: idle });
    const answer = environment.invoke(request);
    await until(() => sandbox.calls.includes('start runtime'));
    await settled();
    clock.advance(9999);
    await settled();
    assert.equal(lines(), '');
    clock.advance(1);
    await until(() => sandbox.calls.filter((call) => call === 'start runtime').length === 2);
    await settled();
    clock.advance(3000);
    const { payload, failed } = await answer;
    assert.equal(failed, true);
    const errorMessage = 'RequestId: request-1 Error: Task timed out after 3.00 seconds';
    assert.deepEqual(JSON.parse(text(payload)), { errorType: 'Sandbox.Timedout', errorMessage });
    const report = 'Duration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 0 MB';
    assert.equal(
      lines(),
      'INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n' +
        'INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout\n' +
        'START RequestId: request-1 Version: $LATEST\nEND RequestId: request-1\n' +
        `REPORT RequestId: request-1\t${report}\tStatus: timeout\n`,
    );
    assert.deepEqual(heard, ['free']);
    await environment.end();
  });

  it('ahead of invokes has 130 s, or the timeout when that is longer', async (t) => {
    for (const [timeoutMs, limitMs] of [
      [3000, 130_000],
      [900_000, 900_000],
    ] as const) {
      const initializationType = 'provisioned-concurrency';
      const { environment, sandbox, clock } = await fakeEnvironment(
        t,
        { runtime: idle },
        { initializationType, timeoutMs },
      );
      let isReady: boolean | undefined;
      void environment.initialize().then((result) => {
        isReady = result;
      });
      await until(() => sandbox.calls.includes('start runtime'));
      await settled();
      clock.advance(limitMs - 1);
      await settled();
      assert.equal(isReady, undefined);
      clock.advance(1);
      await until(() => isReady === false);
      await environment.end();
    }
  });

  it('starts the runtime when every extension has registered, and ends when all of them are ready', async (t) => {
    const steps: (() => void)[] = [];
    const pause = () => new Promise<void>((resolve) => steps.push(resolve));
    const late: Program = async (process) => {
      await pause();
      const { headers } = await process.call(
        'POST',
        '/2020-01-01/extension/register',
        { 'lambda-extension-name': 'late' },
        '{"events":[]}',
      );
      await pause();
      const identifier = String(headers['lambda-extension-identifier']);
      await process.call('GET', '/2020-01-01/extension/event/next', { 'lambda-extension-identifier': identifier });
    };
    const { environment, sandbox } = await fakeEnvironment(t, {
      early: extension('early', []),
      late,
      runtime: okRuntime,
    });
    let isReady = false;
    void environment.initialize().then((result) => {
      isReady = result;
    });
    await until(() => steps.length === 1);
    await settled();
    assert.deepEqual(sandbox.calls, ['limitCpu false', 'start early', 'start late']);
    steps.shift()?.();
    await until(() => sandbox.calls.includes('start runtime') && steps.length === 1);
    await settled();
    assert.equal(isReady, false);
    steps.shift()?.();
    await until(() => isReady);
    assert.equal(sandbox.calls.at(-1), 'limitCpu true');
    await environment.end();
  });

  it('that the sandbox cannot begin is the machine’s failure', async (t) => {
    const { environment } = await fakeEnvironment(t, {});
    await assert.rejects(environment.invoke(request), EnvironmentLost);
    await environment.end();
  });
});

describe('an invoke', LIMIT, () => {
  it('lasts until its subscribers are done, within the timeout', async (t) => {
    const events: string[] = [];
    const hanging = extension('hanging', ['INVOKE', 'SHUTDOWN'], ({ eventType }) => {
      events.push(eventType);
      return eventType === 'INVOKE' ? new Promise(() => undefined) : undefined;
    });
    const deaf = extension('deaf', [], () => assert.fail('it asked for nothing'));
    const { environment, clock, lines, heard } = await fakeEnvironment(t, { hanging, deaf, runtime: okRuntime });
    const { payload, failed } = await environment.invoke(request);
    assert.deepEqual([text(payload), failed, heard], ['"ok"', false, ['answered']]);
    await until(() => events.length === 1);
    await settled();
    clock.advance(2999);
    await settled();
    assert.doesNotMatch(lines(), /END/);
    clock.advance(1);
    // The reset waits for the extension that hangs: its budget passes too.
    await settled();
    clock.advance(2000);
    await until(() => heard.includes('free'));
    assert.match(lines(), /END RequestId: request-1\nREPORT .*Duration: 3000\.00 ms.*\tStatus: timeout\n$/);
    await environment.end();
  });

  const exits: readonly [ProcessExit, string, string][] = [
    [{ code: 0 }, 'Runtime.ExitError', 'Runtime exited without providing a reason'],
    [{ code: 9 }, 'Runtime.ExitError', 'Runtime exited with error: exit status 9'],
    [
      { signal: 'SIGSEGV', coreDumped: true },
      'Runtime.ExitError',
      'Runtime exited with error: signal: segmentation fault (core dumped)',
    ],
    [{ signal: 'SIGXCPU' }, 'Runtime.ExitError', 'Runtime exited with error: signal: CPU time limit exceeded'],
    [
      { launchError: 'chdir /var/task: no such file or directory', launchStep: 'cwd' },
      'Runtime.InvalidWorkingDir',
      'chdir /var/task: no such file or directory',
    ],
    [{ launchError: 'fork/exec /b: text file busy' }, 'Runtime.InvalidEntrypoint', 'fork/exec /b: text file busy'],
  ];
  for (const [exit, errorType, reason] of exits)
    it(`whose runtime ends by ${JSON.stringify(exit)} says so`, async (t) => {
      const { environment } = await fakeEnvironment(t, { runtime: (process) => process.exit(exit) });
      const { payload, failed } = await environment.invoke(request);
      const errorMessage = `RequestId: request-1 Error: ${reason}`;
      assert.deepEqual([failed, JSON.parse(text(payload))], [true, { errorType, errorMessage }]);
      await environment.end();
    });

  it('whose sandbox goes away is Sandbox.Failure', async (t) => {
    const { environment, sandbox, lines, heard } = await fakeEnvironment(t, {
      runtime: async (process) => {
        await process.call('GET', '/2018-06-01/runtime/invocation/next');
        sandbox.vanish();
      },
    });
    const { payload, failed } = await environment.invoke(request);
    assert.equal(failed, true);
    assert.deepEqual(JSON.parse(text(payload)), {
      errorType: 'Sandbox.Failure',
      errorMessage: 'RequestId: request-1 Error: The sandbox of the execution environment failed',
    });
    assert.match(lines(), /REPORT .*\tStatus: failure\tError Type: Sandbox\.Failure\n$/);
    assert.ok(heard.includes('broken'));
    await environment.end();
  });
});

describe('the shutdown sequence', LIMIT, () => {
  it('without extensions is nothing but the end', async (t) => {
    const { environment, sandbox } = await fakeEnvironment(t, { runtime: okRuntime });
    await environment.initialize();
    await environment.end();
    assert.deepEqual(sandbox.calls.slice(-2), ['limitCpu true', 'destroy']);
  });

  it('gives the runtime 600 ms, and extensions the rest of 2 s', async (t) => {
    const deadlines: number[] = [];
    const hanging = extension('hanging', ['SHUTDOWN'], ({ deadlineMs }) => {
      deadlines.push(deadlineMs);
      return new Promise(() => undefined);
    });
    const deaf = extension('deaf', ['INVOKE']);
    const { environment, sandbox, clock } = await fakeEnvironment(t, { deaf, hanging, runtime: stubbornRuntime });
    await environment.initialize();
    const before = sandbox.calls.length;
    const calls = () => sandbox.calls.slice(before);
    const beganMs = clock.now();
    let hasEnded = false;
    void environment.end().then(() => {
      hasEnded = true;
    });
    await settled();
    assert.deepEqual(calls(), ['SIGTERM runtime']);
    clock.advance(599);
    await settled();
    assert.deepEqual(calls(), ['SIGTERM runtime']);
    clock.advance(1);
    await until(() => deadlines.length === 1);
    assert.deepEqual(deadlines, [beganMs + 2000]);
    assert.deepEqual(calls(), ['SIGTERM runtime', 'SIGKILL runtime', 'SIGKILL deaf']);
    await settled();
    clock.advance(1399);
    await settled();
    assert.equal(hasEnded, false);
    clock.advance(1);
    await until(() => hasEnded);
    assert.deepEqual(calls().slice(3), ['destroy']);
  });

  it('goes on as soon as everybody has ended', async (t) => {
    const heard: string[] = [];
    const runtime: Program = (process) => {
      process.onSignal = (name) => {
        heard.push(name);
        process.exit({ code: 0 });
      };
      return stubbornRuntime(process);
    };
    const watcher = extension('watcher', ['SHUTDOWN'], ({ eventType }) => heard.push(eventType));
    const { environment, sandbox } = await fakeEnvironment(t, { watcher, runtime });
    await environment.initialize();
    await environment.end();
    assert.deepEqual(heard, ['SIGTERM', 'SHUTDOWN']);
    assert.deepEqual(sandbox.calls.slice(-2), ['SIGTERM runtime', 'destroy']);
  });

  it('with internal extensions alone has 500 ms, of which the runtime gets 150', async (t) => {
    const runtime: Program = async (process) => {
      const headers = { 'lambda-extension-name': 'inner' };
      const answer = await process.call('POST', '/2020-01-01/extension/register', headers, '{"events":["INVOKE"]}');
      const identifier = String(answer.headers['lambda-extension-identifier']);
      void process.call('GET', '/2020-01-01/extension/event/next', { 'lambda-extension-identifier': identifier });
      await stubbornRuntime(process);
    };
    const { environment, sandbox, clock } = await fakeEnvironment(t, { runtime });
    await environment.initialize();
    const ended = environment.end();
    await settled();
    clock.advance(149);
    await settled();
    assert.equal(sandbox.calls.at(-1), 'SIGTERM runtime');
    clock.advance(1);
    await ended;
    assert.deepEqual(sandbox.calls.slice(-2), ['SIGKILL runtime', 'destroy']);
  });
});

describe('freezing', LIMIT, () => {
  it('is for free environments; an invoke and the end thaw', async (t) => {
    const { environment, sandbox, heard } = await fakeEnvironment(t, { runtime: okRuntime });
    const running = environment.invoke(request);
    environment.freeze();
    await running;
    await until(() => heard.includes('free'));
    assert.ok(!sandbox.calls.includes('freeze'));
    environment.freeze();
    environment.freeze();
    assert.deepEqual(sandbox.calls.slice(-2), ['limitCpu true', 'freeze']);
    assert.equal(text((await environment.invoke(request)).payload), '"ok"');
    await until(() => heard.filter((event) => event === 'free').length === 2);
    assert.deepEqual(sandbox.calls.slice(-2), ['freeze', 'thaw']);
    environment.freeze();
    await environment.end();
    assert.deepEqual(sandbox.calls.slice(-3), ['freeze', 'thaw', 'destroy']);
    environment.freeze();
    assert.equal(sandbox.calls.at(-1), 'destroy');
  });
});
