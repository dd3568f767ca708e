"""System calls that the C library offers no function for."""
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == 'aarch64'
# Numbers of calls that the C library offers no function for: x86-64, aarch64.
CALLS = {
    'mount': (165, 40), 'setns': (308, 268), 'unshare': (272, 97), 'chroot': (161, 51), 'bpf': (321, 280),
    'add_key': (248, 217), 'keyctl': (250, 219), 'perf_event_open': (298, 241), 'io_uring_setup': (425, 425),
    'ptrace': (101, 117), 'process_vm_readv': (310, 270), 'open_by_handle_at': (304, 265), 'userfaultfd': (323, 282),
    'syslog': (103, 116), 'sethostname': (170, 161), 'personality': (135, 92), 'mq_open': (240, 180),
    'fsopen': (430, 430), 'shmget': (29, 194), 'pidfd_open': (434, 434), 'pidfd_getfd': (438, 438),
    'kcmp': (312, 272), 'clone3': (435, 435), 'acct': (163, 89), 'open_tree': (428, 428),
}


def call(name, *args):
    number = CALLS[name][1 if ARM else 0]
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return f'{name} gave {result}'
