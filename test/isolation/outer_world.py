"""The first step of a disposable machine for the battery: things of a host that live in the kernel, made before anything else runs.

Usage: python3 outer_world.py COMMAND [ARGUMENT ...], as root, in namespaces of its own; goes on as that command.
"""
import os
import subprocess
import sys

from kernel_calls import call

SHM_KEY = 0x6c616d62
QUEUE = b'lambdad-queue'
NAME = b'disposable'


def main():
    if os.getpid() != 1:
        sys.exit('this is for a pid namespace of its own')
    call('sethostname', NAME, len(NAME))
    for arguments in (['link', 'set', 'lo', 'up'], ['link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'elsewhere'], ['link', 'set', 'lan', 'up'],
                      ['link', 'set', 'elsewhere', 'up'],
                      ['addr', 'add', '192.0.2.77/24', 'dev', 'lan'], ['addr', 'add', '169.254.169.254/32', 'dev', 'lan'],
                      ['addr', 'add', '169.254.170.2/32', 'dev', 'lan'],
                      ['addr', 'add', '2001:db8::77/64', 'dev', 'lan', 'nodad'],
                      ['addr', 'add', 'fd00:ec2::254/128', 'dev', 'lan', 'nodad']):
        subprocess.run(['ip', *arguments], check=True)
    call('keyctl', 1, None)
    call('add_key', b'user', b'lambdad-key', b'secret', 6, -3)
    call('shmget', SHM_KEY, 4096, 0o1000 | 0o666)
    os.umask(0)
    call('mq_open', QUEUE, 0o100 | os.O_RDWR, 0o666, None)
    child = subprocess.Popen(sys.argv[1:])
    # As pid 1 it takes up what others leave behind, and ends with the command.
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            sys.exit(os.waitstatus_to_exitcode(status))


main()
