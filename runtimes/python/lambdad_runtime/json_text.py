"""Events and results as JSON text. A named tuple becomes an object, as on AWS, and an array nowhere but there."""

import json
import os
import sys

#: Until Python 3.11 AWS escapes everything beyond ASCII, from 3.12 on it is sent as it is.
ESCAPES = sys.version_info < (3, 12)

#: Decimals leave the encoder as strings between these marks, which are then cut off together with the quotes. The
#: random part keeps strings of user code from being taken for one.
_MARK = "lambdad-decimal-" + os.urandom(12).hex()

#: Deeper than this a result is not looked through for named tuples.
NESTING_MAX = 200
#: Types of which a value holds no other values.
_PLAIN = frozenset({str, int, float, bool, type(None)})

_decimal_type = None
_met_decimal = False


def decode(data):
    text = data.decode("utf-8")
    # What json.loads comes down to for a text without anything around it; all else, and what is wrong, is its own.
    try:
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (StopIteration, ValueError):
        pass
    return json.loads(text)


def encode(value):
    """Returns JSON text. Decimals are written as numbers; NaN and Infinity as such. Raises what json raises."""
    global _met_decimal
    _met_decimal = False
    text = _encoder.encode(_without_named(value) if _holds_named(value, 0) else value)
    return _unwrap_decimals(text) if _met_decimal else text


def encode_ascii(value):
    return _ascii_encoder.encode(value)


def encode_record(value):
    """For the log: what has no JSON form becomes its text."""
    return _record_encoder.encode(value)


def _holds_named(value, depth):
    """Whether a named tuple is anywhere within. What is nested too deep, or in itself, is for the encoder to refuse."""
    if depth > NESTING_MAX:
        return False
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        return True
    elif isinstance(value, (list, tuple)):
        parts = value
    else:
        return False
    for part in parts:
        if type(part) not in _PLAIN and _holds_named(part, depth + 1):
            return True
    return False


def _without_named(value):
    """The same with dictionaries for named tuples. Raises RecursionError for what holds itself."""
    if isinstance(value, dict):
        return {key: _without_named(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _without_named(value._asdict())
    if isinstance(value, (list, tuple)):
        return [_without_named(part) for part in value]
    return value


def _default(value):
    # Nobody has made a Decimal as long as its module is not loaded.
    global _met_decimal, _decimal_type
    if _decimal_type is None and "decimal" in sys.modules:
        _decimal_type = sys.modules["decimal"].Decimal
    if _decimal_type is not None and isinstance(value, _decimal_type):
        if value.is_nan():
            return float("nan")
        _met_decimal = True
        return _MARK + str(value) + _MARK
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def _unwrap_decimals(text):
    return text.replace('"' + _MARK, "").replace(_MARK + '"', "")


_scan = json.JSONDecoder().scan_once
_encoder = json.JSONEncoder(ensure_ascii=ESCAPES, default=_default)
_ascii_encoder = json.JSONEncoder()
_record_encoder = json.JSONEncoder(ensure_ascii=False, default=str)
