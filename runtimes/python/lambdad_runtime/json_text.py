"""Events and results as JSON text.

Deliberate difference from AWS: a named tuple becomes an array, as with Python's own json, not an object.
"""

import json
import os
import sys

#: Until Python 3.11 AWS escapes everything beyond ASCII, from 3.12 on it is sent as it is.
ESCAPES = sys.version_info < (3, 12)

#: Decimals leave the encoder as strings between these marks, which are then cut off together with the quotes. The
#: random part keeps strings of user code from being taken for one.
_MARK = "lambdad-decimal-" + os.urandom(12).hex()

_decimal_type = None
_met_decimal = False


def decode(data):
    return json.loads(data.decode("utf-8"))


def encode(value):
    """Returns JSON text. Decimals are written as numbers; NaN and Infinity as such. Raises what json raises."""
    global _met_decimal
    _met_decimal = False
    text = _encoder.encode(value)
    return _unwrap_decimals(text) if _met_decimal else text


def encode_ascii(value):
    return _ascii_encoder.encode(value)


def encode_unicode(value):
    return _unicode_encoder.encode(value)


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


_encoder = json.JSONEncoder(ensure_ascii=ESCAPES, default=_default)
_ascii_encoder = json.JSONEncoder()
_unicode_encoder = json.JSONEncoder(ensure_ascii=False)
