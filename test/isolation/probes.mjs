// The probes of probes.py that need no system call by number, in JavaScript; the others are run from here by a Python that the
// Node function starts. Each answers {through: evidence} or {stopped: reason}.
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';

const WAIT_MS = 300;

const read = (path) => `${path}: ${fs.readFileSync(path).length} bytes`;
const planted = (path) => {
  fs.writeFileSync(path, 'x');
  fs.rmSync(path);
  return path;
};

function connect(host, port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    socket.setTimeout(WAIT_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      if (data.toString() === 'reached') resolve(`${host}:${port} answered`);
      else reject(new Error(`answered ${data}`));
    });
  });
}

function programOf(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text.trim()));
  });
}

function orThrow(value, why) {
  if (!value) throw new Error(why);
  return value;
}

const reaches = {
  loopback: () => '127.0.0.1',
  loopback_elsewhere: () => '127.9.9.9',
  any_address: () => '0.0.0.0',
  loopback_in_decimal: () => '2130706433',
  loopback_in_octal: () => '0177.0.0.1',
  loopback_in_hexadecimal: () => '0x7f.1',
  loopback_v6: () => '::1',
  any_address_v6: () => '::',
  loopback_mapped_into_v6: () => '::ffff:127.0.0.1',
  lan_address: (world) => world.lanAddress,
  lan_address_v6: (world) => world.lanAddress6,
  lan_address_mapped_into_v6: (world) => `::ffff:${world.lanAddress}`,
  metadata: () => '169.254.169.254',
  metadata_of_tasks: () => '169.254.170.2',
  metadata_v6: () => 'fd00:ec2::254',
};

export const PROBES = {
  host_file: (world) => read(world.secretFile),
  host_file_by_climbing: (world) => read(`/var/task${'/..'.repeat(12)}${world.secretFile}`),
  host_file_through_pid_1: (world) => read(`/proc/1/root${world.secretFile}`),
  host_file_through_cwd_of_pid_1: (world) => read(`/proc/1/cwd${'/..'.repeat(12)}${world.secretFile}`),
  data_folder_key: (world) => read(world.dataFile),
  other_functions_code: (world) => read(world.otherCode),
  other_functions_tmp: (world) => read(`/tmp/${world.tmpMark}`),
  write_code: () => planted('/var/task/planted'),
  write_system: () => planted('/usr/lib/planted'),
  write_root: () => {
    fs.mkdirSync('/planted');
    return '/planted';
  },
  device: (world) => {
    const file = fs.openSync(world.device, 'r');
    return `${fs.readSync(file, Buffer.alloc(16))} bytes of ${world.device}`;
  },
  set_uid: async (world) =>
    orThrow((await programOf(world.setuidProgram, ['-u'])) === '0' && 'a set-uid program ran as root', 'not root'),
  see_process: (world) =>
    orThrow(fs.readFileSync(`/proc/${world.pid}/cmdline`).includes(world.processMark) && 'a process of the host', 'no'),
  process_environment: (world) =>
    orThrow(fs.readFileSync(`/proc/${world.pid}/environ`).includes(world.processMark) && 'an environment', 'not there'),
  kill_process: (world) => {
    orThrow(fs.readFileSync(`/proc/${world.pid}/cmdline`).includes(world.processMark), 'another process');
    process.kill(world.pid, 'SIGCONT');
    return 'signalled';
  },
  pid_1_memory: () => orThrow(fs.openSync('/proc/1/mem', 'r') && 'the memory of pid 1'),
  pid_1_environment: () => read('/proc/1/environ'),
  pid_1_descriptors: () => `descriptors of pid 1: ${fs.readdirSync('/proc/1/fd')}`,
  kernel_setting: () => {
    fs.writeFileSync('/proc/sys/kernel/hostname', 'planted');
    return 'wrote /proc/sys';
  },
  system_tree: () => `/sys has ${fs.readdirSync('/sys/kernel').length} entries of the kernel`,
  control_groups: () => `${fs.readdirSync('/sys/fs/cgroup')}`,
  higher_priority: () => {
    os.setPriority(0, -10);
    return 'before all others';
  },
  abstract_socket: (world) =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ path: `\0${world.abstractName}` });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve('an abstract socket of the host');
      });
    }),
  ...Object.fromEntries(
    Object.entries(reaches).map(([name, form]) => [`reach_${name}`, (world) => connect(form(world), world.port)]),
  ),
  datagram_to_the_host: (world) =>
    new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4');
      const timer = setTimeout(() => socket.close(() => reject(new Error('no answer'))), WAIT_MS);
      socket.once('error', reject);
      socket.once('message', (message) => {
        clearTimeout(timer);
        socket.close();
        resolve(`answered ${message}`);
      });
      socket.send('?', world.port, world.lanAddress);
    }),
};

/** In a process of its own: what one probe changes, the next must not meet. */
async function runApart(name, world) {
  const [program, ...args] = name in PROBES ? [process.execPath, import.meta.filename] : [world.python, 'probes.py'];
  const text = await programOf(program, [...args, name, JSON.stringify(world)]);
  try {
    return JSON.parse(text);
  } catch {
    return { stopped: `no answer: ${text.slice(-200)}` };
  }
}

export const handler = async (world) => {
  const results = {};
  for (const name of world.only) results[name] = await runApart(name, world);
  return results;
};

if (process.argv[1] === import.meta.filename) {
  const [name, world] = process.argv.slice(2);
  try {
    console.log(JSON.stringify({ through: await PROBES[name](JSON.parse(world)) }));
  } catch (error) {
    console.log(JSON.stringify({ stopped: `${error.name}: ${error.message}` }));
  }
}
