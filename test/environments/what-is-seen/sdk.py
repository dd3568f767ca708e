"""Tells what a Python function sees that imports the SDK which the runtime brings along."""

import sys

before = list(sys.modules)

import boto3  # noqa: E402
import logging  # noqa: E402

#: The function brings a module of its own under the name of one that the SDK uses, or it does not.
import jmespath  # noqa: E402


def handler(event, context):
    after = list(sys.modules)
    client = boto3.client("dynamodb", region_name="us-east-1")
    logging.getLogger().warning("through the root handler")
    with open("/proc/self/stat") as file:
        stat = file.read()
    return {
        "early": {"variables": []},
        "environ": [],
        "status": "",
        "mounts": "",
        "before": before,
        "after": sorted(after),
        "lists": sorted(vars(sys.modules["concurrent"])),
        "origins": [module.__spec__.origin for module in (boto3, logging, jmespath)],
        "loaders": [str(type(module.__loader__)) for module in (boto3, logging, jmespath)],
        "finders": [str(type(finder)) for finder in sys.meta_path],
        "handlers": [str(type(handler)) for handler in logging.getLogger().handlers],
        "endpoint": client.meta.endpoint_url,
        "stat": stat,
    }
