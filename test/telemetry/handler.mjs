// The function of the tests: says, fails or waits as its event asks, and hands out what the extension kept in /tmp.
import { existsSync, readFileSync } from 'node:fs';

if (process.env.INSIDE) await import('./extension.mjs');

const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

export const handler = async ({ say, records = 0, exit, until = [] }) => {
  if (say !== undefined) console.log(say);
  for (let n = 0; n < records; n += 1) process.stdout.write(`record ${n}\n`);
  if (exit !== undefined) process.exit(exit);
  // The function's timeout bounds this: what is waited for is on its way.
  while (!until.every((text) => read('/tmp/events').includes(text))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const events = read('/tmp/events').split('\n').filter(Boolean);
  return {
    answers: read('/tmp/answers').split('\n').filter(Boolean),
    events: events.map((line) => JSON.parse(line)),
    shutdown: read('/tmp/shutdown'),
  };
};
