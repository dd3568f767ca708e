import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PythonFound, pythons, startPythonFunction } from './python-runtime.ts';

const everyLevel = `import logging
def handler(event, context):
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logging.getLogger(), level)("at %s", level)
`;

for (const python of pythons) {
  describe(`the log of python3.${python.minor}`, () => {
    textLines(python);
    jsonRecords(python);
    frames(python);
  });
}

function textLines(python: PythonFound): void {
  it('writes text lines with level, time and request, from WARNING up', async (test) => {
    const run = await startPythonFunction(test, python, everyLevel);
    const { id } = await run.api.invoke({});
    await run.logged(/at critical/);
    const seen = run
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    assert.deepEqual(
      seen.map(([level, , request, text]) => [level, request, text]),
      [
        ['[WARNING]', id, 'at warning'],
        ['[ERROR]', id, 'at error'],
        ['[CRITICAL]', id, 'at critical'],
      ],
    );
    for (const [, time] of seen) assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('lets functions set the level themselves, and prints as it is', async (test) => {
    const source = `import logging
logging.getLogger().setLevel(logging.INFO)
logging.info("early")
def handler(event, context):
    print("raw", 1)
    logging.getLogger("mine").info("late")
    context.log("by context\\n")
`;
    const run = await startPythonFunction(test, python, source);
    const { id } = await run.api.invoke({});
    await run.logged(/by context/);
    const [early, raw, late, byContext] = run.stdout().split('\n');
    assert.match(early!, /^\[INFO\]\t\S+Z\t\tearly$/);
    assert.equal(raw, 'raw 1');
    assert.ok(late!.endsWith(`\t${id}\tlate`));
    assert.equal(byContext, 'by context');
  });

  it('does not load logging for functions that do not', async (test) => {
    const source = 'import sys\ndef handler(event, context):\n    return "logging" in sys.modules\n';
    const { api } = await startPythonFunction(test, python, source);
    assert.equal((await api.invoke({})).body.toString(), 'false');
  });

  it('sets the level asked for', async (test) => {
    const environment = { AWS_LAMBDA_LOG_LEVEL: 'TRACE' };
    const run = await startPythonFunction(test, python, everyLevel, { environment });
    await run.api.invoke({});
    await run.logged(/at critical/);
    assert.equal(run.stdout().trimEnd().split('\n').length, 5);
  });
}

function jsonRecords(python: PythonFound): void {
  const environment = { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'INFO' };

  it('writes JSON records', async (test) => {
    const source = `import logging
logger = logging.getLogger("mine")
def handler(event, context):
    logger.debug("hidden")
    logger.info("é %s", 1, extra={"shoe": 43, "nothing": None})
    try:
        raise ValueError("bad")
    except ValueError:
        logger.exception("caught")
`;
    const run = await startPythonFunction(test, python, source, { environment });
    const { id } = await run.api.invoke({}, { 'Lambda-Runtime-Aws-Tenant-Id': 't1' });
    await run.logged(/caught/);
    const [plain, caught] = run
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.match(plain.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    delete plain.timestamp;
    const record = { level: 'INFO', message: 'é 1', logger: 'mine', requestId: id, tenantId: 't1', shoe: 43 };
    assert.deepEqual(plain, record);
    assert.deepEqual([caught.level, caught.errorType, caught.errorMessage], ['ERROR', 'ValueError', 'bad']);
    assert.match(caught.stackTrace[0], /^ {2}File ".*app\.py", line 7, in handler\n/);
    assert.equal(caught.location, `${run.taskRoot}/app.py:handler:9`);
  });

  it('keeps a dictionary as it is, and writes as text what has no JSON', async (test) => {
    const source = `import logging
def handler(event, context):
    logging.warning({"shoe": {"size": 43}})
    logging.warning({"a": 1}, extra={"kind": {1}})
    logging.warning("%s", {"a": 1}, extra={"kind": int})
`;
    const run = await startPythonFunction(test, python, source, { environment });
    await run.api.invoke({});
    await run.logged(/class/);
    const records = run.stdout().trimEnd().split('\n');
    assert.deepEqual(
      records.map((record) => JSON.parse(record)).map(({ message, kind }) => [message, kind]),
      [
        [{ shoe: { size: 43 } }, undefined],
        [{ a: 1 }, '{1}'],
        ["{'a': 1}", "<class 'int'>"],
      ],
    );
    assert.equal(run.stderr(), '');
  });

  it('logs errors of the handler as records', async (test) => {
    const source = 'def handler(event, context):\n    raise ValueError("bad")\n';
    const run = await startPythonFunction(test, python, source, { environment });
    await run.api.invoke({});
    await run.logged(/bad/);
    const record = JSON.parse(run.stdout());
    assert.deepEqual([record.log_level, record.errorType, record.errorMessage], ['ERROR', 'ValueError', 'bad']);
    assert.equal(record.stackTrace.length, 1);
  });
}

function frames(python: PythonFound): void {
  it('writes text frames to the descriptor it is given', async (test) => {
    const source = `import logging, os
def handler(event, context):
    print("printed")
    logging.warning("a\\nb")
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in os.environ
    raise ValueError("é")
`;
    const run = await startPythonFunction(test, python, source, { logFrames: true });
    await run.api.invoke({});
    await run.logged(/raise ValueError/);
    const [warning, error] = run.frames();
    assert.equal(run.stdout(), 'printed\n');
    assert.deepEqual([warning?.type, error?.type], ['a55a0003', 'a55a0017']);
    assert.match(warning!.message, /^\[WARNING\]\t\S+Z\t\S+\ta\nb\n$/);
    assert.match(
      error!.message,
      /^\[ERROR\] ValueError: é\nTraceback \(most recent call last\):\n\u00a0\u00a0File ".*", line 6, in handler\n\u00a0{4}raise/,
    );
    assert.ok(Math.abs(warning!.timeMs - Date.now()) < 60_000);
  });

  it('names the level of text frames when one is asked for', async (test) => {
    const environment = { AWS_LAMBDA_LOG_LEVEL: 'DEBUG' };
    const run = await startPythonFunction(test, python, everyLevel, { logFrames: true, environment });
    await run.api.invoke({});
    await run.logged(/at critical/);
    const types = run.frames().map(({ type }) => type);
    assert.deepEqual(types, ['a55a000b', 'a55a000f', 'a55a0013', 'a55a0017', 'a55a001b']);
  });

  it('writes JSON frames', async (test) => {
    const environment = { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'ERROR' };
    const run = await startPythonFunction(test, python, everyLevel, { logFrames: true, environment });
    await run.api.invoke({});
    await run.logged(/at critical/);
    assert.deepEqual(
      run.frames().map(({ type, message }) => [type, JSON.parse(message).message]),
      [
        ['a55a0016', 'at error'],
        ['a55a001a', 'at critical'],
      ],
    );
  });
}
