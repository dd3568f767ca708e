"""The life of a Python function: load the handler, then answer one event after the other."""

import os
import sys

from . import faults, handler, json_text, logs
from .client import Client, RuntimeApiLost
from .context import LambdaContext
from .faults import Fault

RUNTIME_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOST = 1
INIT_FAILED = 1

INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


def run(handler_name, address, preloaded=None, client=None):
    """Serves until the process is ended, with a `client` that has been there before if there is one. Exits with 1 when the init phase fails or the Runtime API is gone."""
    logs.configure_logging(preloaded)
    try:
        client = client or Client(address)
        function = _load(handler_name, client)
        while True:
            headers, body = client.next()
            _invoke(client, function, headers, body)
    except RuntimeApiLost as error:
        sys.stderr.write("The Lambda Runtime API is gone: %s.\n" % error)
        sys.exit(LOST)


def _load(handler_name, client):
    try:
        return handler.load(handler_name)
    except Exception as error:
        payload, frames = faults.describe(error, RUNTIME_DIR)
        import logging

        logging.warning(INIT_WARNING)
        logs.log_error(payload)
        client.fail_init(faults.failure_of(payload, frames))
        sys.exit(INIT_FAILED)


def _invoke(client, function, headers, body):
    invocation_id = headers[b"lambda-runtime-aws-request-id"]
    request_id = invocation_id.decode("ascii")
    logs.Running.request_id = request_id
    logs.Running.tenant_id = _text(headers, b"lambda-runtime-aws-tenant-id")
    _set_trace(_text(headers, b"lambda-runtime-trace-id"))
    try:
        context = _context(request_id, headers)
        event = _event(headers, body)
        result, content_type = _result(function(event, context))
    except Exception as error:
        payload, frames = faults.describe(error, RUNTIME_DIR, request_id)
        logs.log_error(payload)
        client.fail(invocation_id, faults.failure_of(payload, frames))
        return
    client.respond(invocation_id, result, content_type)


def _event(headers, body):
    if headers.get(b"content-type", b"application/json") != b"application/json":
        return body
    try:
        return json_text.decode(body)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)


def _result(value):
    if isinstance(value, bytes):
        return value, b"application/unknown"
    try:
        return json_text.encode(value).encode("utf-8"), b"application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


def _context(request_id, headers):
    return LambdaContext(
        request_id,
        _json(headers, b"lambda-runtime-client-context", "Client Context"),
        _json(headers, b"lambda-runtime-cognito-identity", "Cognito Identity"),
        int(headers.get(b"lambda-runtime-deadline-ms", b"0")),
        _text(headers, b"lambda-runtime-invoked-function-arn"),
        logs.Running.tenant_id,
    )


def _json(headers, name, title):
    value = headers.get(name)
    if not value:
        return None
    try:
        return json_text.decode(value)
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (title, error))


def _text(headers, name):
    value = headers.get(name)
    return value.decode("utf-8") if value is not None else None


def _set_trace(trace_id):
    if trace_id is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
