"""The root handler of `logging`: text lines or JSON records, as on AWS."""

import logging
import time
import traceback

from . import json_text, logs

_RESERVED = {
    "name",
    "msg",
    "args",
    "levelname",
    "levelno",
    "pathname",
    "filename",
    "module",
    "exc_info",
    "exc_text",
    "stack_info",
    "lineno",
    "funcName",
    "created",
    "msecs",
    "relativeCreated",
    "thread",
    "threadName",
    "processName",
    "process",
    "aws_request_id",
    "tenant_id",
}


class LambdaLoggerHandler(logging.Handler):
    def emit(self, record):
        try:
            logs.write(self.format(record), _frame_type(record))
        except Exception:
            self.handleError(record)


class LambdaLoggerFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = logs.Running.request_id or ""
        record.tenant_id = logs.Running.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        error = record.exc_info or None
        result = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": logging.getLevelName(_rounded_level(record)),
            "message": record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage(),
            "logger": record.name,
            "stackTrace": error and traceback.format_tb(error[2]),
            "errorType": error and error[0] and error[0].__name__,
            "errorMessage": error and str(error[1]),
            "requestId": getattr(record, "aws_request_id", None),
            "location": error and "%s:%s:%s" % (record.pathname, record.funcName, record.lineno),
            "tenantId": getattr(record, "tenant_id", None),
        }
        for name, value in record.__dict__.items():
            if name not in _RESERVED and name not in result:
                result[name] = value
        return json_text.encode_record({name: value for name, value in result.items() if value is not None}) + "\n"


def attach():
    """Adds the handler to the root logger and sets the level asked for; without one it stays at WARNING."""
    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    if logs.IS_JSON:
        handler.setFormatter(JsonFormatter())
    else:
        line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(logging.Formatter(line, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(LambdaLoggerFilter())
    root = logging.getLogger()
    if logs.LEVEL in logging._nameToLevel:
        root.setLevel(logs.LEVEL)
    root.addHandler(handler)


def _rounded_level(record):
    return min(50, max(0, record.levelno)) // 10 * 10


def _frame_type(record):
    if logs.IS_JSON:
        return logs.JSON_FRAME | logs.LEVEL_BITS[_rounded_level(record)]
    # Text frames carry a level only where one was asked for.
    return logs.TEXT_FRAME | logs.LEVEL_BITS[_rounded_level(record)] if logs.LEVEL else logs.TEXT_FRAME
