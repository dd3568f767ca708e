"""The life of a function as told by boto3, waiters and paginators included.

Reads the zip named on the command line; where the server is, boto3 reads from the environment. Prints `told` at the end.
"""

import base64
import json
import sys

import boto3
from botocore.config import Config

NAME = "greeter"
ROLE = "arn:aws:iam::000000000000:role/story"
QUICK = {"Delay": 1, "MaxAttempts": 30}

client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))


def invoke(event, **more):
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event).encode(), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def create(name, zip_bytes):
    return client.create_function(
        FunctionName=name,
        Runtime="nodejs24.x",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": zip_bytes},
        Environment={"Variables": {"MOOD": "fine"}},
    )


def expect(failure, call, **arguments):
    try:
        call(**arguments)
    except failure as error:
        return error
    raise AssertionError(f"{call.__name__} did not raise {failure.__name__}")


def tell(zip_bytes):
    created = create(NAME, zip_bytes)
    assert created["State"] == "Pending", created
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201, created
    client.get_waiter("function_exists").wait(FunctionName=NAME, WaiterConfig=QUICK)
    client.get_waiter("function_active").wait(FunctionName=NAME, WaiterConfig=QUICK)
    client.get_waiter("function_active_v2").wait(FunctionName=NAME, WaiterConfig=QUICK)

    answer, body = invoke({"name": "Grace"}, LogType="Tail")
    assert body == {"message": "Hello, Grace!", "version": "$LATEST", "mood": "fine"}, body
    assert answer["ExecutedVersion"] == "$LATEST", answer
    assert "greeting Grace" in base64.b64decode(answer["LogResult"]).decode(), answer
    answer, body = invoke({"fail": True})
    assert answer["FunctionError"] == "Unhandled" and body["errorType"] == "RangeError", body
    assert invoke({}, InvocationType="DryRun")[0]["StatusCode"] == 204

    client.update_function_configuration(FunctionName=NAME, Environment={"Variables": {"MOOD": "grand"}})
    client.get_waiter("function_updated").wait(FunctionName=NAME, WaiterConfig=QUICK)
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME, WaiterConfig=QUICK)
    assert invoke({"name": "Grace"})[1]["mood"] == "grand"

    assert client.publish_version(FunctionName=NAME)["Version"] == "1"
    client.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier="1", WaiterConfig=QUICK)
    client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    assert invoke({"name": "Grace"}, Qualifier="live")[0]["ExecutedVersion"] == "1"

    for number in range(3):
        create(f"other-{number}", zip_bytes)
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    names = sorted(function["FunctionName"] for page in pages for function in page["Functions"])
    assert names == [NAME, "other-0", "other-1", "other-2"] and len(pages) >= 2, pages
    versions = client.get_paginator("list_versions_by_function").paginate(FunctionName=NAME).build_full_result()
    assert [version["Version"] for version in versions["Versions"]] == ["$LATEST", "1"], versions
    aliases = client.get_paginator("list_aliases").paginate(FunctionName=NAME).build_full_result()
    assert [alias["Name"] for alias in aliases["Aliases"]] == ["live"], aliases

    errors = client.exceptions
    error = expect(errors.ResourceNotFoundException, client.get_function, FunctionName="nobody-made-this")
    assert "Function not found: arn:aws:lambda:us-east-1:" in error.response["Error"]["Message"], error
    expect(errors.ResourceConflictException, create, name=NAME, zip_bytes=zip_bytes)

    for name in names:
        client.delete_function(FunctionName=name)
    expect(errors.ResourceNotFoundException, invoke, event={})
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] == 0


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        tell(file.read())
    print("told")
