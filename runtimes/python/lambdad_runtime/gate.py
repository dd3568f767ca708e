"""A process that begins before it is known for which function: it says that it waits, and reads from its gate (a FIFO)
what it shall be. From there on nothing tells it from one that has just begun."""

import os
import sys

from . import json_text
from .client import Client

ENVIRON_START_FIELD = 50
STANDARD_OUTPUT = 1
READ_BYTES = 65536


def pass_gate(layer_root):
    """Returns when the process has become a function's: what was loaded for it beforehand, or None, and a
    client of the Runtime API that is connected, or None."""
    gate = os.environ["_LAMBDAD_GATE"]
    names = os.environ.get("_LAMBDAD_PRELOAD")
    preloaded = _preload(names.split(",")) if names else None
    address = os.environ.get("_LAMBDAD_API")
    client = Client(address) if address else None
    # The first call makes the types of syntax trees: more than a millisecond, which every function's source would wait for.
    compile("", "", "exec")
    show_environment = _environment_block()
    os.write(STANDARD_OUTPUT, b".")
    descriptor = os.open(gate, os.O_RDONLY)
    text = b""
    while True:
        part = os.read(descriptor, READ_BYTES)
        if not part:
            break
        text += part
    os.close(descriptor)
    assignment = json_text.decode(text)
    os.environ.clear()
    for name, value in assignment["environment"]:
        os.environ[name] = value
    show_environment(assignment["environment"])
    os.chdir(assignment["cwd"])
    if preloaded is not None:
        layers = os.path.join(layer_root, "python")
        version = "python%d.%d" % sys.version_info[:2]
        site = os.path.join(layers, "lib", version, "site-packages")
        preloaded.forget_unless_alone([os.environ["LAMBDA_TASK_ROOT"], layers, site])
    _forget("gate")
    return preloaded, client


def _preload(names):
    from .preloaded import Preloaded

    preloaded = Preloaded(names)
    _forget("preloaded")
    return preloaded


def _environment_block():
    """Where the kernel shows the variables that a process began with, at /proc/self/environ: what writes others there,
    once. By then none of the C library's lies there; what began there is longer, and the rest of it becomes zeros."""
    with open("/proc/self/stat", "rb") as file:
        stat = file.read()
    # The name of the program, in parentheses, may hold blanks.
    fields = stat[stat.rindex(b")") + 2 :].split(b" ")
    start, end = (int(fields[ENVIRON_START_FIELD - 3 + i]) for i in (0, 1))
    memory = os.open("/proc/self/mem", os.O_RDWR)

    def show(environment):
        text = b"".join(os.fsencode("%s=%s" % (name, value)) + b"\0" for name, value in environment)
        if len(text) > end - start:
            text = b""
        os.pwrite(memory, text + bytes(end - start - len(text)), start)
        os.close(memory)

    return show


def _forget(name):
    """A module of this package that is none of the function's."""
    package = sys.modules[__package__]
    del sys.modules[__package__ + "." + name]
    delattr(package, name)
