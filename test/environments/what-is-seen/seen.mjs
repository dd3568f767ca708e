/** Tells all that a Node function can see of itself, but for what is another in each environment. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import v8 from 'node:v8';

const require = createRequire(import.meta.url);
const startMs = Date.now();
/** A timer of the module's own, set while it loads. */
const timer = new Promise((resolve) => setTimeout(() => resolve(Date.now() - startMs), 60));

const read = (path) => readFileSync(path, 'utf8');
const link = (path) => {
  try {
    return readlinkSync(path).replace(/:\[\d+\]/, '');
  } catch {
    return 'gone';
  }
};
const folder = (path) =>
  readdirSync(path).map((name) => {
    const { mode, size, uid } = lstatSync(`${path}/${name}`);
    return `${name} ${mode.toString(8)} ${size} ${uid === 0}`;
  });

/** At the time of the module, before any invoke. */
const early = {
  variables: Object.entries(process.env),
  argv: process.argv,
  execArgv: process.execArgv,
  execPath: process.execPath,
  cwd: process.cwd(),
  pids: [process.pid, process.ppid],
  title: process.title,
  required: Object.keys(require.cache),
  globals: Object.getOwnPropertyNames(globalThis),
  listeners: process.eventNames().map(String),
  resources: process.getActiveResourcesInfo(),
  descriptors: readdirSync('/proc/self/fd').map((fd) => `${fd} ${link(`/proc/self/fd/${fd}`)}`),
};

export const handler = async () => ({
  early,
  timerMs: await timer,
  heapLimit: v8.getHeapStatistics().heap_size_limit,
  commandLine: read('/proc/self/cmdline').split('\0'),
  environ: read('/proc/self/environ').replace(/\0+$/, '').split('\0'),
  limits: read('/proc/self/limits'),
  status: read('/proc/self/status'),
  mounts: read('/proc/self/mountinfo'),
  cgroup: read('/proc/self/cgroup'),
  oom: read('/proc/self/oom_score_adj'),
  places: ['cwd', 'exe', 'root'].map((name) => link(`/proc/self/${name}`)),
  processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name)),
  folders: ['/', '/var', '/var/task', '/opt', '/tmp', '/dev'].map(folder),
  stat: read('/proc/self/stat'),
});
