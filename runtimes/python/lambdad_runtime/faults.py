"""Errors as AWS's Python runtimes name, log and post them. Source: recordings of python3.8 to python3.13."""

import os
import sys

from . import json_text

CAUSE_BYTES_MAX = 64 * 1024
TYPE_CHARS_MAX = 1024

#: python3.8 leaves the request's id out of error payloads.
NAMES_REQUEST = sys.version_info >= (3, 9)


class Fault(Exception):
    """An error of the runtime's own, with the type the caller sees and stack lines or None."""

    def __init__(self, error_type, message, trace=None):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace


def describe(error, runtime_dir, request_id=""):
    """Returns (payload, frames): what the caller gets, and (file, line, name, text) of each frame of user code."""
    if isinstance(error, Fault):
        return _payload(error.message, error.error_type, error.trace or [], request_id), []
    import traceback

    frames = [
        (frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(error.__traceback__)
    ]
    user_frames = frames
    while user_frames and user_frames[0][0].startswith(runtime_dir + os.sep):
        user_frames = user_frames[1:]
    shown = user_frames or frames
    return _payload(str(error), type(error).__name__, traceback.format_list(shown), request_id), shown


def failure_of(payload, frames):
    """What is posted for an error: {type, body, cause}, all bytes; type and cause fit into header lines."""
    error_type = "".join(char if " " <= char <= "~" else "?" for char in payload["errorType"][:TYPE_CHARS_MAX])
    return {
        "type": error_type.encode("ascii"),
        "body": json_text.encode(payload).encode("utf-8", "replace"),
        "cause": _cause(payload, frames),
    }


def _payload(message, error_type, trace, request_id):
    payload = {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}
    if not NAMES_REQUEST:
        del payload["requestId"]
    return payload


def _cause(payload, frames):
    """The X-Ray cause header; empty when it would be longer than the platform keeps."""
    own = payload["errorType"].startswith("Runtime.")
    exception = {
        "message": payload["errorMessage"],
        "type": "LambdaValidationError" if own else payload["errorType"],
        "stack": [{"label": name, "path": path, "line": line} for path, line, name, _ in frames],
    }
    cause = {
        "working_directory": os.getcwd(),
        "exceptions": [exception],
        "paths": sorted({frame[0] for frame in frames}),
    }
    text = json_text.encode_ascii(cause).replace("\x7f", "\\u007f").encode("ascii")
    return text if len(text) <= CAUSE_BYTES_MAX else b""
