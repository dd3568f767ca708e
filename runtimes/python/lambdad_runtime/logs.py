"""Where a function's log goes: standard output, or a descriptor of the platform's that takes one frame a message."""

import os
import sys
import time

from . import json_text

NO_BREAK_SPACE = "\u00a0"
TEXT_FRAME = 0xA55A0003
JSON_FRAME = 0xA55A0002
#: Added to a frame's type, by the level of `logging` rounded down to tens.
LEVEL_BITS = {0: 0x00, 10: 0x08, 20: 0x0C, 30: 0x10, 40: 0x14, 50: 0x18}
ERROR = 40

#: As the environment says when configure_logging() reads it.
IS_JSON = False
LEVEL = ""
_descriptor = None


class Running:
    """The running invocation; both are None outside of one."""

    request_id = None
    tenant_id = None


def write(text, frame_type=TEXT_FRAME):
    if _descriptor is None:
        sys.stdout.write(text)
    else:
        _write_frame(text, frame_type)


def log_error(payload):
    """Logs an error payload as the runtime itself does, in the format asked for."""
    lines = [_error_record(payload)] if IS_JSON else _error_lines(payload)
    if _descriptor is None:
        # Standard output is cut into events at line feeds; carriage returns keep this in one.
        sys.stdout.write("\r".join(lines) + "\n")
    else:
        _write_frame("\n".join(lines), (JSON_FRAME if IS_JSON else TEXT_FRAME) | LEVEL_BITS[ERROR])


def _write_frame(text, frame_type):
    """One frame: type, length, time in microseconds, message; all numbers big-endian."""
    message = text.encode("utf-8", "replace")
    head = frame_type.to_bytes(4, "big") + len(message).to_bytes(4, "big")
    left = memoryview(head + (time.time_ns() // 1000).to_bytes(8, "big") + message)
    while left:
        left = left[os.write(_descriptor, left) :]


def _error_record(payload):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json_text.encode({"timestamp": stamp, "log_level": "ERROR", **payload})


def _error_lines(payload):
    parts = [part for part in (payload["errorType"], payload["errorMessage"]) if part]
    lines = [("[ERROR] " + ": ".join(parts)) if parts else "[ERROR]", "Traceback (most recent call last):"]
    for entry in payload["stackTrace"]:
        lines += [_guard_indent(line) for line in entry.splitlines()] or [""]
    return lines


def _guard_indent(line):
    """Leading blanks would be trimmed on the way to the log."""
    bare = line.lstrip(" ")
    return NO_BREAK_SPACE * (len(line) - len(bare)) + bare


def _take_descriptor():
    text = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    return int(text) if text is not None and text.isdigit() else None


def configure_logging(preloaded=None):
    """Sets up the root logger, now if `logging` is loaded, else as soon as it is: its import costs 8 ms of a start."""
    global IS_JSON, LEVEL, _descriptor
    IS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    LEVEL = {"TRACE": "DEBUG"}.get(level, level)
    _descriptor = _take_descriptor()
    if "logging" in sys.modules:
        _attach()
    else:
        sys.meta_path.insert(0, _LoggingFinder(preloaded))


def _attach():
    from . import log_records

    log_records.attach()


class _LoggingFinder:
    """Finds `logging` the ordinary way, and attaches the root handler when the module has been executed; and what was
    executed beforehand."""

    def __init__(self, preloaded=None):
        self._preloaded = preloaded
        self._is_attached = False

    def find_spec(self, name, path=None, target=None):
        if self._preloaded is not None:
            spec = self._preloaded.find_spec(name, self._restored)
            if spec is not None:
                return spec
        if name != "logging" or self._is_attached:
            return None
        self._is_attached = True
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_attach(module):
                execute(module)
                _attach()

            spec.loader.exec_module = execute_and_attach
        return spec

    def _restored(self, name):
        if name == "logging":
            self._is_attached = True
            _attach()
