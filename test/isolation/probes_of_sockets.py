"""Probes of probes.py that go through sockets and what else connects processes."""
import socket

from kernel_calls import call

WAIT_S = 0.3


def connect(host, port, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(WAIT_S)
        s.connect((host, port))
        answer = s.recv(16)
    if answer != b'reached':
        raise OSError(f'{host} answered {answer!r}')
    return f'{host}:{port} answered'


def raw_socket(world):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return 'a raw socket'


def packet_socket(world):
    with socket.socket(17, socket.SOCK_RAW, 0x0300):
        return 'every packet'


def netlink_of_the_firewall(world):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12):
        return 'a socket to the packet filter'


def abstract_socket(world):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect('\0' + world['abstractName'])
        return 'an abstract socket of the host'


def shared_memory(world):
    return call('shmget', world['shmKey'], 0, 0)


def message_queue(world):
    return call('mq_open', world['queueName'].encode(), 0, 0, None)


def address_probe(form):
    def probe(world):
        family = socket.AF_INET6 if ':' in form(world) else socket.AF_INET
        return connect(form(world), world['port'], family)
    return probe


ADDRESSES = {
    'loopback': lambda world: '127.0.0.1',
    'loopback_elsewhere': lambda world: '127.9.9.9',
    'any_address': lambda world: '0.0.0.0',
    'loopback_in_decimal': lambda world: '2130706433',
    'loopback_in_octal': lambda world: '0177.0.0.1',
    'loopback_in_hexadecimal': lambda world: '0x7f.1',
    'loopback_v6': lambda world: '::1',
    'any_address_v6': lambda world: '::',
    'loopback_mapped_into_v6': lambda world: '::ffff:127.0.0.1',
    'lan_address': lambda world: world['lanAddress'],
    'lan_address_v6': lambda world: world['lanAddress6'],
    'lan_address_mapped_into_v6': lambda world: '::ffff:' + world['lanAddress'],
    'metadata': lambda world: '169.254.169.254',
    'metadata_of_tasks': lambda world: '169.254.170.2',
    'metadata_v6': lambda world: 'fd00:ec2::254',
}

REACHES = {f'reach_{name}': address_probe(form) for name, form in ADDRESSES.items()}
