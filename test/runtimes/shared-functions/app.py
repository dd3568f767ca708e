"""The function of the shared suite in Python: its event says what it does."""

import os
import time

invocations = 0


def fail(message):
    raise ArithmeticError(message)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def library():
    import of_a_layer

    return of_a_layer.name


def sleep(ms):
    time.sleep(ms / 1000)
    return "slept"


actions = {
    "echo": lambda event: event["value"],
    "count": lambda event: invocations,
    "environment": lambda event: {name: os.environ[name] for name in event["names"] if name in os.environ},
    "fail": lambda event: fail(event["message"]),
    "sleep": lambda event: sleep(event["ms"]),
    "exit": lambda event: os._exit(event["status"]),
    "read": lambda event: read(event["path"]),
    "library": lambda event: library(),
}


def handler(event, context):
    global invocations
    invocations += 1
    return actions[event["do"]](event)
