"""Tells all that a Python function can see of itself, but for what is another in each environment."""

import os
import sys
import threading


def read(path):
    with open(path) as file:
        return file.read()


def link(path):
    try:
        return os.readlink(path).split(":[")[0]
    except OSError:
        return "gone"


def folder(path):
    found = []
    for name in sorted(os.listdir(path)):
        status = os.lstat(path + "/" + name)
        found.append("%s %o %d %s" % (name, status.st_mode, status.st_size, status.st_uid == 0))
    return found


#: At the time of the module, before any invoke.
early = {
    "variables": list(os.environ.items()),
    "argv": sys.argv,
    "orig_argv": sys.orig_argv,
    "flags": str(sys.flags),
    "path": sys.path,
    "modules": list(sys.modules),
    "importers": list(sys.path_importer_cache),
    "finders": [str(type(finder)) for finder in sys.meta_path],
    "cwd": os.getcwd(),
    "pids": [os.getpid(), os.getppid(), os.getsid(0)],
    "threads": threading.active_count(),
    "descriptors": sorted("%s %s" % (fd, link("/proc/self/fd/" + fd)) for fd in os.listdir("/proc/self/fd")),
}


def handler(event, context):
    return {
        "early": early,
        "commandLine": read("/proc/self/cmdline").split("\0"),
        "environ": read("/proc/self/environ").rstrip("\0").split("\0"),
        "limits": read("/proc/self/limits"),
        "status": read("/proc/self/status"),
        "mounts": read("/proc/self/mountinfo"),
        "cgroup": read("/proc/self/cgroup"),
        "oom": read("/proc/self/oom_score_adj"),
        "places": [link("/proc/self/" + name) for name in ("cwd", "exe", "root")],
        "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()),
        "folders": [folder(path) for path in ("/", "/var", "/var/task", "/opt", "/tmp", "/dev")],
        "stat": read("/proc/self/stat"),
    }
