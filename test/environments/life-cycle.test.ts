/** The life of environments with real processes: runtime-facts 6. Its time limits are tested on a fake clock beside this. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, logWhenStill, logWith, run, runQuickly } from './scripted.ts';

const canFreeze = process.platform === 'linux' && process.getuid?.() === 0;

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

describe('an environment', { timeout: 120_000 }, () => {
  it('whose runtime ends behind its answer has answered; the log says how it ended, and the next invoke begins anew', async () => {
    await createScripted(client, 'leaves', { init: 'say("begins")' });
    assert.deepEqual(await runQuickly(client, 'leaves', 'respond(event, "answered")\nos._exit(4)'), {
      payload: 'answered',
      error: undefined,
    });
    const log = await logWith(server, 'leaves', /REPORT/);
    assert.match(
      log,
      /^begins\nSTART .*\nEND .*\nREPORT .*\tInit Duration: .* ms\tStatus: error\tError Type: Runtime\.ExitError\n$/,
    );
    const { payload, log: second } = await run(client, 'leaves');
    assert.equal(payload, 'ok');
    assert.match(second, /^begins\nSTART .*\nEND .*\nREPORT (?!.*Init Duration).*\n$/);
  });

  it('is busy until the runtime asks for more: what it writes behind its answer stands before END', async () => {
    await createScripted(client, 'writes');
    const script = 'respond(event, 1)\nfor n in range(200): say(f"line {n}")';
    assert.deepEqual(await runQuickly(client, 'writes', script), { payload: 1, error: undefined });
    assert.match(await logWith(server, 'writes', /REPORT/), /^START .*\n(line \d+\n){200}END .*\nREPORT .*\n$/);
  });

  it('whose first init fails tries again within the invoke', async () => {
    const init = `
if not os.path.exists("/tmp/tried"):
    open("/tmp/tried", "w").close()
    sys.exit(5)`;
    await createScripted(client, 'second', { init });
    const { payload, log } = await run(client, 'second');
    assert.equal(payload, 'ok');
    assert.match(
      log,
      /^INIT_REPORT Init Duration: .* ms\tPhase: init\tStatus: error\tError Type: Runtime\.ExitError\nSTART .*\nEND .*\nREPORT (?!.*Init Duration).*\t\n$/,
    );
  });

  it('that times out ends whatever it had started, also outside its process group', async () => {
    const script = `
import subprocess
for session in (False, True):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=session)
time.sleep(60)`;
    await createScripted(client, 'starts', { Timeout: 5 });
    assert.equal((await run(client, 'starts', script)).error, 'Unhandled');
    const list = `
def command(name):
    try: return open(f"/proc/{name}/cmdline").read().replace(chr(0), " ")
    except OSError: return ""
respond(event, [command(name) for name in os.listdir("/proc") if name.isdigit()])`;
    const commands = (await run(client, 'starts', list)).payload as string[];
    assert.deepEqual(
      commands.filter((command) => command.includes('time.sleep')),
      [],
    );
    assert.ok(commands.some((command) => command.includes('bootstrap')));
  });

  it('stands still while it is free, and goes on with the next invoke', {
    skip: skipUnless(canFreeze, 'Linux, as root'),
  }, async () => {
    const init = `
import threading
def tick():
    for n in range(100000):
        say(f"tick {n}")
        time.sleep(0.02)
threading.Thread(target=tick, daemon=True).start()`;
    await createScripted(client, 'ticks', { init });
    await run(client, 'ticks');
    const last = Number(/tick (\d+)\n$/.exec(await logWhenStill(server, 'ticks'))?.[1]);
    await run(client, 'ticks');
    await logWith(server, 'ticks', new RegExp(`tick ${last}\nSTART [^]*tick ${last + 1}\n`));
  });

  it('of the maximum age ends, and the next invoke has a new one', async () => {
    const brief = await startTestServer({ args: ['--max-age-seconds', '1'] });
    try {
      const extensions = { watcher: 'run_extension(["SHUTDOWN"])' };
      await createScripted(brief.client(), 'f', { extensions });
      await run(brief.client(), 'f', 'open("/tmp/here", "w").close()\nrespond(event, 1)');
      await logWith(brief, 'f', /watcher ends: spindown\n$/);
      assert.equal((await run(brief.client(), 'f', 'respond(event, os.path.exists("/tmp/here"))')).payload, false);
    } finally {
      await brief.stop();
    }
  });
});
