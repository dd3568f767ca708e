import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { lackOf, openSandbox, openWorkshop, runShell } from './launcher-harness.ts';

// Name, number on x64, number on arm64, arguments, the errno expected.
const SYSTEM_CALLS: [string, number, number, number[], string][] = [
  ['mount', 165, 40, [0, 0, 0, 0, 0], 'EPERM'],
  ['unshare user', 272, 97, [0x10000000], 'EPERM'],
  ['clone with a namespace', 56, 220, [0x10000011, 0, 0, 0, 0], 'EPERM'],
  ['clone3', 435, 435, [0, 0], 'ENOSYS'],
  ['ptrace', 101, 117, [0, 0, 0, 0], 'EPERM'],
  ['io_uring_setup', 425, 425, [1, 0], 'ENOSYS'],
  ['bpf', 321, 280, [0, 0, 0], 'EPERM'],
  ['keyctl', 250, 219, [0, 0, 0], 'EPERM'],
  ['perf_event_open', 298, 241, [0, 0, -1, -1, 0], 'EPERM'],
  ['setns', 308, 268, [0, 0], 'EPERM'],
  ['chroot', 161, 51, [0], 'EPERM'],
  ['open_tree', 428, 428, [-100, 0, 1], 'EPERM'],
  ['prlimit64 of pid 1', 302, 261, [1, 7, 0, 0], 'EPERM'],
  ['prlimit64 of itself', 302, 261, [0, 7, 0, 0], ''],
  ['personality query', 135, 92, [0xffffffff], ''],
  ['personality change', 135, 92, [0x40000], 'EPERM'],
  ['socket unix', 41, 198, [1, 1, 0], ''],
  ['socket inet stream', 41, 198, [2, 0x80001, 6], ''],
  ['socket inet6 datagram', 41, 198, [10, 2, 0], ''],
  ['socket inet stream sctp', 41, 198, [2, 1, 132], 'EPROTONOSUPPORT'],
  ['socket inet stream mptcp', 41, 198, [2, 1, 262], 'EPROTONOSUPPORT'],
  ['socket inet6 stream any', 41, 198, [10, 1, 0], ''],
  ['socket inet datagram udp', 41, 198, [2, 0x80002, 17], ''],
  ['socket inet datagram icmp', 41, 198, [2, 2, 1], 'EPROTONOSUPPORT'],
  ['socket inet raw', 41, 198, [2, 3, 1], 'EPERM'],
  ['socket inet sctp', 41, 198, [2, 5, 132], 'EPERM'],
  ['socket netlink route', 41, 198, [16, 3, 0], ''],
  ['socket netlink audit', 41, 198, [16, 3, 9], 'EPERM'],
  ['socket packet', 41, 198, [17, 3, 0], 'EAFNOSUPPORT'],
  ['socket vsock', 41, 198, [40, 1, 0], 'EAFNOSUPPORT'],
  ['socket alg', 41, 198, [38, 5, 0], 'EAFNOSUPPORT'],
  ['open_tree_attr', 467, 467, [-100, 0, 1, 0, 0], 'ENOSYS'],
  ['fsopen', 430, 430, [0, 0], 'EPERM'],
  ['mount_setattr', 442, 442, [-100, 0, 0, 0, 0], 'EPERM'],
  ['landlock version', 444, 444, [0, 0, 1], ''],
  ['userfaultfd', 323, 282, [0], 'EPERM'],
  ['a call of the future', 900, 900, [0], 'ENOSYS'],
];

const CALLS = SYSTEM_CALLS.map(([name, x64, arm64, args]) => {
  const number = process.arch === 'arm64' ? arm64 : x64;
  const call = `syscall(${[number, ...args].join(', ')})`;
  return `$! = 0; ${call}; print "${name}: ", (grep { $!{$_} } qw(EPERM ENOSYS EAFNOSUPPORT EPROTONOSUPPORT EINVAL EFAULT))[0], "\\n";`;
}).join(' ');

const EXPECTED_CALLS = SYSTEM_CALLS.map(([name, , , , errno]) => `${name}: ${errno}`);

for (const mode of ['root', 'userns'] as const) {
  describe(`system calls, mode ${mode}`, { skip: lackOf(mode) }, () => {
    test('privileged system calls are refused', {
      skip: !existsSync('/usr/bin/perl') && 'there is no perl',
    }, async () => {
      using workshop = openWorkshop();
      await using sandbox = await openSandbox(workshop, mode, ['tmp', '8388608', '512']);
      const { output } = await runShell(sandbox, `perl -e '${CALLS}'`);
      assert.deepEqual(output.trim().split('\n'), EXPECTED_CALLS);
    });
  });
}
