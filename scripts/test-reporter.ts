// How `npm test` shows a run: one line a file, skipped tests with their reason, failures in full, node's summary last.
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What one file's tests printed is shown only when the file fails, and at most this much of it. */
const OUTPUT_CHARACTERS_MAX = 20_000;

interface FileState {
  output: string;
  skipped: string[];
}

type Failed = Extract<TestEvent, { type: 'test:fail' }>['data'];

function fileName(file: string | undefined): string {
  return file === undefined ? '?' : relative(process.cwd(), file);
}

/** True for the failure of a suite that only says that something in it failed. */
function isEcho(data: Failed): boolean {
  const error = data.details.error as { readonly failureType?: string };
  return error.failureType === 'subtestsFailed';
}

/** What was thrown, without the frames of the runner and without the list of properties that repeats the message. */
function thrownText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? thrown : inspect(thrown);
  const frames = (thrown.stack ?? thrown.message)
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:internal\//.test(line));
  const cause = thrown.cause === undefined ? '' : `\ncause: ${inspect(thrown.cause)}`;
  return frames.join('\n') + cause;
}

function failureText(data: Failed): string {
  const { error } = data.details;
  // The runner wraps what the test threw.
  const text = thrownText(error.cause ?? error.message);
  const where = `${fileName(data.file)}:${data.line ?? '?'}`;
  return `✖ ${data.name} (${where})\n${text.replace(/^/gm, '    ')}\n`;
}

function fileLine(file: string, data: Extract<TestEvent, { type: 'test:summary' }>['data'], state: FileState): string {
  const { tests, passed, skipped, todo } = data.counts;
  const failed = tests - passed - skipped - todo;
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  const line = `${data.success ? '✔' : '✖'} ${file}: ${parts.join(', ')} (${(data.duration_ms / 1000).toFixed(1)} s)\n`;
  const reasons = state.skipped.map((text) => `  - ${text}\n`).join('');
  const output = data.success || state.output === '' ? '' : `  printed:\n${state.output.replace(/^/gm, '    ')}\n`;
  return line + reasons + output;
}

/** The reporter, as `node --test --test-reporter` takes it: events in, text out. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files = new Map<string, FileState>();
  const failures: string[] = [];
  const summary: string[] = [];
  const stateOf = (file: string | undefined): FileState => {
    const name = fileName(file);
    const state = files.get(name) ?? { output: '', skipped: [] };
    files.set(name, state);
    return state;
  };
  for await (const event of source) {
    switch (event.type) {
      case 'test:pass':
        if (event.data.skip !== undefined)
          stateOf(event.data.file).skipped.push(`${event.data.name}: ${event.data.skip}`);
        break;
      case 'test:fail':
        if (isEcho(event.data)) break;
        failures.push(failureText(event.data));
        yield failures.at(-1) ?? '';
        break;
      case 'test:stdout':
      case 'test:stderr': {
        const state = stateOf(event.data.file);
        state.output = (state.output + event.data.message).slice(-OUTPUT_CHARACTERS_MAX);
        break;
      }
      case 'test:summary':
        if (event.data.file !== undefined)
          yield fileLine(fileName(event.data.file), event.data, stateOf(event.data.file));
        break;
      case 'test:diagnostic':
        if (event.data.nesting === 0) summary.push(`ℹ ${event.data.message}\n`);
        break;
      default:
    }
  }
  if (failures.length > 0)
    yield `\n${failures.length} failed:\n${failures.map((text) => text.split('\n')[0]).join('\n')}\n`;
  yield `\n${summary.join('')}`;
}
