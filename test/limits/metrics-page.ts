import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 50;
const WAIT_MS_MAX = 60_000;

/** Of one function: `name{further labels}` → value. */
export type Figures = Readonly<Record<string, number>>;

export async function metricsPage(serverUrl: string): Promise<string> {
  const answer = await fetch(`${serverUrl}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return await answer.text();
}

/** The samples of one function. */
export async function figuresOf(serverUrl: string, name: string): Promise<Figures> {
  const found: Record<string, number> = {};
  for (const line of (await metricsPage(serverUrl)).split('\n')) {
    const [, family, labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (family === undefined || !labels.includes(`,function="${name}"`)) continue;
    const rest = labels.replace(/account="\d+",region="[\w-]+",function="[^"]*",?/, '');
    found[rest === '' ? family : `${family}{${rest}}`] = Number(value);
  }
  return found;
}

/** Looks until it is so. */
export async function figuresUntil(
  serverUrl: string,
  name: string,
  isSo: (found: Figures) => boolean,
): Promise<Figures> {
  for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(LOOK_MS)) {
    const found = await figuresOf(serverUrl, name);
    if (isSo(found)) return found;
    assert.ok(Date.now() < end, JSON.stringify(found));
  }
}
