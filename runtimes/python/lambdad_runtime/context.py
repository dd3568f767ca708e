"""The context object handed to a function."""

import os
import time

from . import logs

NAMES = (
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
)
_RAW_NAMES = tuple(name.encode("ascii") for name in NAMES)
_raw = None
_decoded = ()


def _from_environment():
    """The values of NAMES. Decoding them costs more than all else of a context, and they nearly never change."""
    global _raw, _decoded
    data = getattr(os.environ, "_data", None)
    if data is None:
        return tuple(os.environ.get(name) for name in NAMES)
    raw = [data.get(name) for name in _RAW_NAMES]
    if raw != _raw:
        _decoded = tuple(os.environ.get(name) for name in NAMES)
        _raw = raw
    return _decoded


class LambdaContext(object):
    def __init__(
        self,
        invoke_id,
        client_context,
        cognito_identity,
        epoch_deadline_time_in_ms,
        invoked_function_arn=None,
        tenant_id=None,
    ):
        self.aws_request_id = invoke_id
        (
            self.log_group_name,
            self.log_stream_name,
            self.function_name,
            self.memory_limit_in_mb,
            self.function_version,
        ) = _from_environment()
        self.invoked_function_arn = invoked_function_arn
        self.tenant_id = tenant_id
        self.client_context = ClientContext._of(client_context)
        self.identity = CognitoIdentity._of(cognito_identity)
        self._epoch_deadline_time_in_ms = epoch_deadline_time_in_ms

    def get_remaining_time_in_millis(self):
        """Milliseconds until the invocation's deadline, never below 0."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, msg):
        logs.write(str(msg))

    def __repr__(self):
        return _describe(
            self,
            (
                "aws_request_id",
                "log_group_name",
                "log_stream_name",
                "function_name",
                "memory_limit_in_mb",
                "function_version",
                "invoked_function_arn",
                "client_context",
                "identity",
                "tenant_id",
            ),
        )


class CognitoIdentity(object):
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]

    @classmethod
    def _of(cls, members):
        identity = cls()
        members = members or {}
        identity.cognito_identity_id = members.get("cognitoIdentityId")
        identity.cognito_identity_pool_id = members.get("cognitoIdentityPoolId")
        return identity

    def __repr__(self):
        return _describe(self, self.__slots__)


class Client(object):
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]

    def __repr__(self):
        return _describe(self, self.__slots__)


class ClientContext(object):
    __slots__ = ["custom", "env", "client"]

    @classmethod
    def _of(cls, members):
        if members is None:
            return None
        context = _fill(cls(), members)
        if context.client is not None:
            context.client = _fill(Client(), context.client)
        return context

    def __repr__(self):
        return _describe(self, self.__slots__)


def _fill(target, members):
    for name in target.__slots__:
        setattr(target, name, members.get(name))
    return target


def _describe(target, names):
    members = ",".join("%s=%s" % (name, getattr(target, name)) for name in names)
    return "%s([%s])" % (type(target).__name__, members)


# The types belong, for whoever prints or imports them, to the module they have on AWS.
for _type in (LambdaContext, CognitoIdentity, Client, ClientContext):
    _type.__module__ = "awslambdaric.lambda_context"
