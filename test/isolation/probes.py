"""What a function must not be able to do: one probe each, which answers how it got through, or raises.

`python3 probes.py NAME WORLD` runs one and prints {"through": evidence} or {"stopped": reason}; `handler` runs all of them inside a
function. WORLD says where the things stand that no probe may reach.
"""
import ctypes
import json
import os
import resource
import signal
import struct
import subprocess
import sys

import probes_of_sockets
from kernel_calls import call

NEW_USER, NEW_NET = 0x10000000, 0x40000000


def read(path):
    with open(path, 'rb') as file:
        return f'{path}: {len(file.read(4096))} bytes'


def sleeper():
    """A child of our own to aim at, as another process of the same user."""
    return subprocess.Popen(['sleep', '5'], stdout=subprocess.DEVNULL)


# Files
def host_file(world):
    return read(world['secretFile'])


def host_file_by_climbing(world):
    return read('/var/task' + '/..' * 12 + world['secretFile'])


def host_file_through_pid_1(world):
    return read('/proc/1/root' + world['secretFile'])


def host_file_through_cwd_of_pid_1(world):
    return read('/proc/1/cwd' + '/..' * 12 + world['secretFile'])


def data_folder_key(world):
    return read(world['dataFile'])


def other_functions_code(world):
    return read(world['otherCode'])


def other_functions_tmp(world):
    return read(os.path.join('/tmp', world['tmpMark']))


def write_code(world):
    path = '/var/task/planted'
    with open(path, 'w') as file:
        file.write('x')
    os.unlink(path)
    return path


def write_system(world):
    path = '/usr/lib/planted'
    with open(path, 'w') as file:
        file.write('x')
    os.unlink(path)
    return path


def write_root(world):
    os.mkdir('/planted')
    return '/planted'


def by_handle(world):
    handle = struct.pack('II', 8, 1) + struct.pack('II', 2, 0)
    descriptor = os.open('/usr', os.O_RDONLY)
    got = call('open_by_handle_at', descriptor, ctypes.create_string_buffer(handle), os.O_RDONLY)
    return f'{got}: a directory by its number'


def device(world):
    with open(world['device'], 'rb') as file:
        return f'{len(file.read(16))} bytes of {world["device"]}'


def make_device(world):
    path = '/tmp/made-null'
    os.mknod(path, 0o666 | 0o020000, os.makedev(1, 3))
    try:
        with open(path, 'wb') as file:
            return f'{file.write(b"x")} byte to a device of our own'
    finally:
        os.unlink(path)


def set_uid(world):
    out = subprocess.run([world['setuidProgram'], '-u'], capture_output=True, text=True, check=True).stdout.strip()
    if out != '0':
        raise OSError(f'still uid {out}')
    return 'a set-uid program ran as root'


# Processes
def see_process(world):
    command = open(f'/proc/{world["pid"]}/cmdline', 'rb').read()
    if world['processMark'].encode() not in command:
        raise OSError('another process has that number')
    return 'a process of the host'


def process_environment(world):
    if world['processMark'].encode() not in open(f'/proc/{world["pid"]}/environ', 'rb').read():
        raise OSError('not there')
    return 'the environment of a process of the host'


def kill_process(world):
    see_process(world)
    os.kill(world['pid'], signal.SIGCONT)
    return 'signalled a process of the host'


def pid_1_memory(world):
    with open('/proc/1/mem', 'rb'):
        return 'the memory of pid 1'


def pid_1_environment(world):
    with open('/proc/1/environ', 'rb') as file:
        return f'{len(file.read())} bytes'


def pid_1_descriptors(world):
    return f'descriptors of pid 1: {os.listdir("/proc/1/fd")}'


def trace_pid_1(world):
    return call('ptrace', 0x4206, 1, 0, 0)


def trace_peer(world):
    child = sleeper()
    try:
        return call('ptrace', 0x4206, child.pid, 0, 0)
    finally:
        child.kill()


def read_peer_memory(world):
    child = sleeper()
    buffer = ctypes.create_string_buffer(8)
    with open(f'/proc/{child.pid}/maps') as maps:
        start = next(int(line.split('-')[0], 16) for line in maps if ' r' in line)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_void_p * 2)(start, 8)
    try:
        return call('process_vm_readv', child.pid, local, 1, remote, 1, 0)
    finally:
        child.kill()


def take_descriptor(world):
    child = sleeper()
    pidfd = int(call('pidfd_open', child.pid, 0).split()[-1])
    try:
        return call('pidfd_getfd', pidfd, 1, 0)
    finally:
        child.kill()


def compare_processes(world):
    return call('kcmp', os.getpid(), os.getppid() or 1, 6, 0, 0)


# The kernel
def mount(world):
    return call('mount', b'none', b'/tmp', b'tmpfs', 0, None)


def mount_by_descriptor(world):
    return call('fsopen', b'tmpfs', 0)


def copy_mounts(world):
    return call('open_tree', -100, b'/usr', 1)


def new_user_namespace(world):
    return call('unshare', NEW_USER)


def new_network(world):
    return call('unshare', NEW_NET)


def new_namespace_by_clone3(world):
    pid = int(call('clone3', ctypes.create_string_buffer(struct.pack('8Q', NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)), 64)
              .split()[-1])
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return 'a child in a user namespace of its own'


def enter_namespace(world):
    return call('setns', os.open('/proc/self/ns/uts', os.O_RDONLY), 0)


def change_root(world):
    return call('chroot', b'/tmp')


def bpf(world):
    return call('bpf', 0, ctypes.create_string_buffer(struct.pack('5I', 2, 4, 8, 1, 0) + bytes(108)), 128)


def add_key(world):
    return call('add_key', b'user', b'planted', b'x', 1, -2)


def inherited_key(world):
    serial = int(call('keyctl', 10, -3, b'user', world['keyName'].encode(), 0).split()[-1])
    return f'a key of the session before: {serial}'


def perf_events(world):
    attributes = struct.pack('IIQQQQQ', 1, 112, 0, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(64)
    return call('perf_event_open', ctypes.create_string_buffer(attributes), 0, -1, -1, 0)


def io_uring(world):
    return call('io_uring_setup', 1, ctypes.create_string_buffer(120))


def userfaultfd(world):
    return call('userfaultfd', 1)


def kernel_log(world):
    return call('syslog', 3, ctypes.create_string_buffer(64), 64)


def host_name(world):
    return call('sethostname', b'planted', 7)


def personality(world):
    return call('personality', 0x0040000)


def accounting(world):
    return call('acct', None)


def kernel_setting(world):
    with open('/proc/sys/kernel/hostname', 'w') as file:
        file.write('planted')
    return 'wrote /proc/sys'


def timers_of_all(world):
    with open('/proc/timer_list', 'rb') as file:
        if not file.read(64):
            raise OSError('masked')
    return 'every timer of the machine'


def system_tree(world):
    return f'/sys has {len(os.listdir("/sys/kernel"))} entries of the kernel'


def control_groups(world):
    return f'{os.listdir("/sys/fs/cgroup")}'


# Limits
def core_dumps(world):
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    return 'core dumps are on'


def more_descriptors(world):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    return '4096 descriptors'


def higher_priority(world):
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    return 'before all others'

PROBES = {name: probe for module in (sys.modules[__name__], probes_of_sockets) for name, probe in vars(module).items()
          if getattr(probe, '__code__', None) and probe.__code__.co_varnames[:1] == ('world',)}
PROBES.update(probes_of_sockets.REACHES)


def run_apart(name, world):
    """In a process of its own: what one probe changes, the next must not meet."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), name, json.dumps(world)], capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {'stopped': f'status {done.returncode}: {done.stderr[-200:]}'}


def handler(event, context):
    return {name: run_apart(name, event) for name in (event.get('only') or PROBES)}

if __name__ == '__main__':
    try:
        print(json.dumps({'through': PROBES[sys.argv[1]](json.loads(sys.argv[2]))}), flush=True)
    except BaseException as refusal:
        print(json.dumps({'stopped': f'{type(refusal).__name__}: {refusal}'}), flush=True)
