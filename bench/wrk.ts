/** wrk, where it is installed: a load of the same bytes again and again that takes less of the processors than one in JavaScript. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Load } from './warm.ts';

export const hasWrk = spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined;

const LUA = `
local file = io.open(os.getenv("REQUEST"), "rb")
local bytes = file:read("*a")
request = function() return bytes end
done = function(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local perSecond = summary.requests * 1e6 / summary.duration
  local line = '{"perSecond":%f,"p50Ms":%f,"p99Ms":%f,"failures":%d}\\n'
  io.write("RESULT", string.format(line, perSecond, latency:percentile(50) / 1000, latency:percentile(99) / 1000, failures))
end
`;

/** `seconds` are whole ones: wrk takes no others. */
export async function loadByWrk(port: number, connections: number, request: string, seconds: number): Promise<Load> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-wrk-'));
  try {
    const [bytes, script] = [join(folder, 'request'), join(folder, 'load.lua')];
    writeFileSync(bytes, request, 'latin1');
    writeFileSync(script, LUA);
    const args = ['-t1', `-c${connections}`, `-d${seconds}`, '-s', script, `http://127.0.0.1:${port}/`];
    const { stdout } = await promisify(execFile)('wrk', args, { env: { ...process.env, REQUEST: bytes } });
    const [, json = ''] = /RESULT(\{.*\})/.exec(stdout) ?? [];
    return JSON.parse(json) as Load;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
