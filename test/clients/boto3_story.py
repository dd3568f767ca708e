"""The whole control plane as told by boto3, waiters and paginators included.

Reads the table named on the command line; where the server is, boto3 reads from the environment. Prints `told` at the
end.
"""

import base64
import json
import re
import sys
import time

import boto3
from botocore.config import Config

QUICK = {"Delay": 1, "MaxAttempts": 30}
POLLS_MAX = 100
POLL_S = 0.1

client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))

with open(sys.argv[1], encoding="utf8") as table:
    story = json.load(table)

NAME = story["name"]


def content(name):
    with open(story[name], "rb") as file:
        return file.read()


def wait(waiter, **arguments):
    client.get_waiter(waiter).wait(WaiterConfig=QUICK, **arguments)


def configure(**settings):
    updated = client.update_function_configuration(FunctionName=NAME, **settings)
    assert updated["LastUpdateStatus"] == "InProgress", updated
    wait("function_updated_v2", FunctionName=NAME)
    return client.get_function_configuration(FunctionName=NAME)


def invoke(event, name=NAME, **more):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
    return answer, json.loads(answer["Payload"].read() or b"null")


def create(name, code, **more):
    return client.create_function(
        FunctionName=name,
        Runtime=story["runtime"],
        Handler=story["handler"],
        Role=story["role"],
        Code=code,
        Environment={"Variables": {"MOOD": "fine"}},
        **more,
    )


def expect(expected, call, **arguments):
    """The call must fail as the table says: a typed exception, its code and the beginning of its text."""
    wanted = story["errors"][expected]
    try:
        call(**arguments)
    except client.exceptions.ClientError as error:
        kind = getattr(client.exceptions, wanted["code"]) if wanted["code"] != "ValidationException" else type(error)
        assert isinstance(error, kind), error
        assert error.response["Error"]["Code"] == wanted["code"], error
        assert error.response["Error"]["Message"].startswith(wanted["message"]), error
        return
    raise AssertionError(f"{expected}: no error")


def poll(call, wanted):
    for _ in range(POLLS_MAX):
        if wanted(answer := call()):
            return answer
        time.sleep(POLL_S)
    raise AssertionError(f"still {answer}")


def pages(operation, member, **arguments):
    """All members of all pages, asked for with small pages, and how many pages there were."""
    found = list(client.get_paginator(operation).paginate(PaginationConfig={"PageSize": story["pageSize"]}, **arguments))
    return [item for page in found for item in page[member]], len(found)


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def creation():
    created = create(NAME, {"ZipFile": content("zipFile")}, Tags={"team": "one"})
    assert created["State"] == "Pending" and status(created) == 201, created
    assert created["FunctionArn"] == story["arn"], created
    for waiter in ("function_exists", "function_active", "function_active_v2"):
        wait(waiter, FunctionName=NAME)
    from_s3 = create(story["nameFromS3"], {"S3Bucket": story["bucket"], "S3Key": story["key"]})
    assert from_s3["CodeSha256"] == created["CodeSha256"], from_s3
    wait("function_active_v2", FunctionName=story["nameFromS3"])
    assert invoke({"name": "Grace"}, name=story["nameFromS3"])[1]["message"] == "Hello, Grace!"
    expect("functionExists", create, name=NAME, code={"ZipFile": content("zipFile")})
    expect("noZip", create, name="no-zip", code={"ZipFile": b"no zip"})
    missing = {"S3Bucket": story["bucket"], "S3Key": "nobody-put-this"}
    expect("missingObject", create, name="no-object", code=missing)
    expect("missingFunction", client.get_function, FunctionName="nobody-made-this")


def invocation():
    answer, body = invoke({"name": "Grace"}, LogType="Tail")
    assert body == {"message": "Hello, Grace!", "version": "$LATEST", "mood": "fine", "memory": "128"}, body
    assert answer["ExecutedVersion"] == "$LATEST", answer
    assert "greeting Grace" in base64.b64decode(answer["LogResult"]).decode(), answer
    answer, body = invoke({"fail": True})
    assert answer["FunctionError"] == "Unhandled" and body["errorType"] == "RangeError", body
    assert status(invoke({}, InvocationType="DryRun")[0]) == 204


def configuration():
    settings = {
        "MemorySize": story["memorySize"],
        "Timeout": 10,
        "Description": "greets",
        "Environment": {"Variables": {"MOOD": "grand"}},
        "KMSKeyArn": story["kmsKeyArn"],
        "EphemeralStorage": {"Size": 1024},
        "TracingConfig": {"Mode": "Active"},
        "DeadLetterConfig": {"TargetArn": story["topicArn"]},
    }
    found = configure(**settings)
    assert {name: found[name] for name in settings} == settings, found
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}
    found = configure(LoggingConfig=logging)
    assert found["LoggingConfig"] == {**logging, "LogGroup": f"/aws/lambda/{NAME}"}, found
    vpc = {"SubnetIds": [story["subnet"]], "SecurityGroupIds": [story["securityGroup"]]}
    found = configure(VpcConfig=vpc)
    assert found["VpcConfig"].pop("VpcId").startswith("vpc-"), found
    assert found["VpcConfig"] == {**vpc, "Ipv6AllowedForDualStack": False}, found
    found = configure(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})["VpcConfig"]
    assert (found["SubnetIds"], found["VpcId"]) == ([], ""), found
    assert invoke({"name": "Grace"})[1] == {
        "message": "Hello, Grace!",
        "version": "$LATEST",
        "mood": "grand",
        "memory": str(story["memorySize"]),
    }
    update = client.update_function_configuration
    expect("staleRevision", update, FunctionName=NAME, RevisionId="00000000-0000-0000-0000-000000000000", Timeout=3)
    expect("longTimeout", update, FunctionName=NAME, Timeout=901)


def layers():
    published = client.publish_layer_version(
        LayerName=story["layer"],
        Content={"ZipFile": content("layerZipFile")},
        CompatibleRuntimes=[story["runtime"]],
        CompatibleArchitectures=["x86_64"],
        LicenseInfo="MIT",
    )
    assert published["Version"] == 1 and status(published) == 201, published
    assert published["LayerArn"] == story["layerArn"], published
    for _ in range(2):
        client.publish_layer_version(LayerName=story["layer"], Content={"ZipFile": content("layerZipFile")})
    found = configure(Layers=[published["LayerVersionArn"]])
    assert [layer["Arn"] for layer in found["Layers"]] == [published["LayerVersionArn"]], found
    assert invoke({"name": "Grace", "layer": True})[1]["message"] == "Ahoy, Grace!"
    versions, count = pages("list_layer_versions", "LayerVersions", LayerName=story["layer"])
    assert [version["Version"] for version in versions] == [3, 2, 1] and count == 2, versions
    listed, _ = pages("list_layers", "Layers", CompatibleRuntime=story["runtime"])
    assert [layer["LatestMatchingVersion"]["Version"] for layer in listed] == [1], listed
    version = {"LayerName": story["layer"], "VersionNumber": 1}
    by_arn = client.get_layer_version_by_arn(Arn=published["LayerVersionArn"])
    assert by_arn["Content"]["CodeSha256"] == client.get_layer_version(**version)["Content"]["CodeSha256"], by_arn
    everyone = {"StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    assert status(client.add_layer_version_permission(**version, **everyone)) == 201
    assert '"Sid":"all"' in client.get_layer_version_policy(**version)["Policy"]
    client.remove_layer_version_permission(**version, StatementId="all")
    expect("missingLayerPolicy", client.get_layer_version_policy, **version)
    expect("missingLayer", client.get_layer_version, LayerName=story["layer"], VersionNumber=9)


def versions_and_aliases():
    assert client.publish_version(FunctionName=NAME, Description="first")["Version"] == "1"
    wait("published_version_active", FunctionName=NAME, Qualifier="1")
    client.update_function_code(FunctionName=NAME, ZipFile=content("laterZipFile"))
    for waiter in ("function_updated", "function_updated_v2"):
        wait(waiter, FunctionName=NAME)
    assert client.publish_version(FunctionName=NAME)["Version"] == "2"
    wait("function_active_v2", FunctionName=NAME, Qualifier="2")
    assert invoke({"name": "Grace"}, Qualifier="1")[1]["message"] == "Hello, Grace!"
    assert invoke({"name": "Grace"}, Qualifier="2")[1]["message"] == "Goodbye, Grace!"
    routing = {"AdditionalVersionWeights": {"2": story["weight"]}}
    live = client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1", RoutingConfig=routing)
    assert live["AliasArn"] == story["arn"] + ":live" and status(live) == 201, live
    assert client.get_alias(FunctionName=NAME, Name="live")["RoutingConfig"] == routing
    stale = {"FunctionName": NAME, "Name": "live", "RevisionId": "stale"}
    expect("staleRevision", client.update_alias, **stale)
    client.update_alias(FunctionName=NAME, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert invoke({"name": "Grace"}, Qualifier="live")[0]["ExecutedVersion"] == "1"
    for name in ("blue", "green"):
        client.create_alias(FunctionName=NAME, Name=name, FunctionVersion="2")
    aliases, count = pages("list_aliases", "Aliases", FunctionName=NAME)
    assert [alias["Name"] for alias in aliases] == ["blue", "green", "live"] and count == 2, aliases
    versions, count = pages("list_versions_by_function", "Versions", FunctionName=NAME)
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"] and count == 2, versions
    expect("missingAlias", client.get_alias, FunctionName=NAME, Name="nobody")
    expect("versionInUse", client.delete_function, FunctionName=NAME, Qualifier="1")


def permissions():
    topic = {"Principal": "sns.amazonaws.com", "SourceArn": story["topicArn"]}
    added = client.add_permission(
        FunctionName=NAME, StatementId="sns", Action="lambda:InvokeFunction", Qualifier="live", **topic
    )
    statement = json.loads(added["Statement"])
    assert status(added) == 201 and statement["Resource"] == story["arn"] + ":live", statement
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": story["topicArn"]}}, statement
    policy = json.loads(client.get_policy(FunctionName=NAME, Qualifier="live")["Policy"])
    assert policy["Statement"] == [statement], policy
    client.remove_permission(FunctionName=NAME, StatementId="sns", Qualifier="live")
    expect("missingPolicy", client.get_policy, FunctionName=NAME, Qualifier="live")


def url_and_event_invoke_configs():
    live = {"FunctionName": NAME, "Qualifier": "live"}
    created = client.create_function_url_config(**live, AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 60})
    assert re.match(story["urlPattern"], created["FunctionUrl"]) and status(created) == 201, created
    updated = client.update_function_url_config(**live, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM")
    assert updated["FunctionUrl"] == created["FunctionUrl"] and updated["AuthType"] == "AWS_IAM", updated
    assert client.get_function_url_config(**live)["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 60}
    assert len(pages("list_function_url_configs", "FunctionUrlConfigs", FunctionName=NAME)[0]) == 1
    client.delete_function_url_config(**live)
    expect("missingPolicy", client.get_function_url_config, **live)

    destination = {"OnSuccess": {}, "OnFailure": {"Destination": story["queueArn"]}}
    put = client.put_function_event_invoke_config(**live, MaximumRetryAttempts=1, DestinationConfig=destination)
    assert put["FunctionArn"] == story["arn"] + ":live" and put["DestinationConfig"] == destination, put
    updated = client.update_function_event_invoke_config(**live, MaximumEventAgeInSeconds=60)
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (1, 60), updated
    listed, _ = pages("list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=NAME)
    assert [config["FunctionArn"] for config in listed] == [put["FunctionArn"]], listed
    client.delete_function_event_invoke_config(**live)


def concurrency():
    reserve = client.put_function_concurrency
    put = reserve(FunctionName=NAME, ReservedConcurrentExecutions=story["reserved"])
    assert put["ReservedConcurrentExecutions"] == story["reserved"], put
    assert client.get_function_concurrency(FunctionName=NAME)["ReservedConcurrentExecutions"] == story["reserved"]
    assert client.get_function(FunctionName=NAME)["Concurrency"] == {"ReservedConcurrentExecutions": story["reserved"]}
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000 - story["reserved"]
    expect("tooMuchReserved", reserve, FunctionName=NAME, ReservedConcurrentExecutions=901)
    blue = {"FunctionName": NAME, "Qualifier": "blue"}
    put = client.put_provisioned_concurrency_config(**blue, ProvisionedConcurrentExecutions=story["provisioned"])
    assert put["Status"] == "IN_PROGRESS" and status(put) == 202, put
    ready = poll(lambda: client.get_provisioned_concurrency_config(**blue), lambda it: it["Status"] != "IN_PROGRESS")
    assert (ready["Status"], ready["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 1), ready
    assert invoke({"name": "Grace"}, Qualifier="blue")[1]["message"] == "Goodbye, Grace!"
    listed, _ = pages(
        "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=NAME
    )
    assert [config["FunctionArn"] for config in listed] == [story["arn"] + ":blue"], listed
    client.delete_provisioned_concurrency_config(**blue)
    expect("noProvisioned", client.get_provisioned_concurrency_config, **blue)
    client.delete_function_concurrency(FunctionName=NAME)
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=NAME)


def mappings():
    source = {"FunctionName": NAME, "EventSourceArn": story["queueArn"]}
    filters = {"Filters": [{"Pattern": '{"body":{"kind":["greeting"]}}'}]}
    created = client.create_event_source_mapping(
        **source, BatchSize=story["mappedBatchSize"], FilterCriteria=filters, Enabled=False, Tags=story["tags"]
    )
    uuid = {"UUID": created["UUID"]}
    assert created["State"] == "Creating" and status(created) == 202, created
    assert created["FunctionArn"] == story["arn"] and created["FilterCriteria"] == filters, created
    poll(lambda: client.get_event_source_mapping(**uuid)["State"], lambda state: state == "Disabled")
    assert client.update_event_source_mapping(**uuid, BatchSize=1)["BatchSize"] == 1
    poll(lambda: client.get_event_source_mapping(**uuid)["State"], lambda state: state == "Disabled")
    expect("mappingExists", client.create_event_source_mapping, **source)
    expect("missingQueue", client.create_event_source_mapping, FunctionName=NAME, EventSourceArn=story["missingQueueArn"])
    assert client.list_tags(Resource=created["EventSourceMappingArn"])["Tags"] == story["tags"]
    listed, _ = pages("list_event_source_mappings", "EventSourceMappings", EventSourceArn=story["queueArn"])
    assert [mapping["UUID"] for mapping in listed] == [created["UUID"]], listed
    assert client.delete_event_source_mapping(**uuid)["State"] == "Deleting"
    poll(lambda: pages("list_event_source_mappings", "EventSourceMappings")[0], lambda found: found == [])
    expect("missingMapping", client.get_event_source_mapping, **uuid)


def stream_mappings():
    source = {"FunctionName": NAME + ":live", "StartingPosition": "LATEST", "Enabled": False}
    create_mapping = client.create_event_source_mapping
    settings = {"BisectBatchOnFunctionError": True, "MaximumRetryAttempts": 3, "ParallelizationFactor": 2}
    for stream in (story["streamArn"], story["tableStreamArn"]):
        made = create_mapping(**source, **settings, EventSourceArn=stream)
        assert made["FunctionArn"] == story["arn"] + ":live" and made["BatchSize"] == 100, made
        assert {name: made[name] for name in settings} == settings, made
    expect("missingStream", create_mapping, **source, EventSourceArn=story["missingStreamArn"])
    listed, _ = pages("list_event_source_mappings", "EventSourceMappings", FunctionName=NAME + ":live")
    assert {mapping["EventSourceArn"] for mapping in listed} == {story["streamArn"], story["tableStreamArn"]}, listed
    for mapping in listed:
        uuid = {"UUID": mapping["UUID"]}
        poll(lambda: client.get_event_source_mapping(**uuid)["State"], lambda state: state == "Disabled")
        client.delete_event_source_mapping(**uuid)
    poll(lambda: pages("list_event_source_mappings", "EventSourceMappings")[0], lambda found: found == [])


def signing_runtime_and_recursion():
    publishers = {"SigningProfileVersionArns": [story["profileArn"]]}
    policies = {"UntrustedArtifactOnDeployment": "Warn"}
    created = client.create_code_signing_config(
        AllowedPublishers=publishers, CodeSigningPolicies=policies, Tags=story["tags"]
    )["CodeSigningConfig"]
    config = {"CodeSigningConfigArn": created["CodeSigningConfigArn"]}
    assert created["AllowedPublishers"] == publishers and created["CodeSigningPolicies"] == policies, created
    assert client.list_tags(Resource=created["CodeSigningConfigArn"])["Tags"] == story["tags"]
    assert client.update_code_signing_config(**config, Description="d")["CodeSigningConfig"]["Description"] == "d"
    client.put_function_code_signing_config(FunctionName=NAME, **config)
    assert client.get_function_code_signing_config(FunctionName=NAME)["FunctionName"] == NAME
    assert pages("list_functions_by_code_signing_config", "FunctionArns", **config)[0] == [story["arn"]]
    client.delete_function_code_signing_config(FunctionName=NAME)
    assert status(client.delete_code_signing_config(**config)) == 204
    expect("missingSigningConfig", client.get_code_signing_config, **config)
    attach = client.put_function_code_signing_config
    expect("missingSigningConfigForFunction", attach, FunctionName=NAME, **config)
    assert pages("list_code_signing_configs", "CodeSigningConfigs")[0] == []

    assert client.get_runtime_management_config(FunctionName=NAME)["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(FunctionName=NAME, UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName=NAME)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert client.get_function_recursion_config(FunctionName=NAME)["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName=NAME, RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName=NAME)["RecursiveLoop"] == "Allow"


def tags():
    client.tag_resource(Resource=story["arn"], Tags={**story["tags"], "stage": "test"})
    client.untag_resource(Resource=story["arn"], TagKeys=["stage"])
    assert client.list_tags(Resource=story["arn"])["Tags"] == story["tags"]
    assert client.get_function(FunctionName=NAME)["Tags"] == story["tags"]


def paging_and_the_end():
    for name in story["others"]:
        create(name, {"ZipFile": content("zipFile")})
    everyone = sorted([NAME, story["nameFromS3"], *story["others"]])
    functions, count = pages("list_functions", "Functions")
    assert [function["FunctionName"] for function in functions] == everyone and count == 3, functions
    for name in ("live", "blue", "green"):
        client.delete_alias(FunctionName=NAME, Name=name)
    client.delete_function(FunctionName=NAME, Qualifier="1")
    for name in everyone:
        assert status(client.delete_function(FunctionName=name)) == 204
    for version in (1, 2, 3):
        client.delete_layer_version(LayerName=story["layer"], VersionNumber=version)
    assert pages("list_functions", "Functions")[0] == [] and pages("list_layers", "Layers")[0] == []
    usage = client.get_account_settings()["AccountUsage"]
    assert usage == {"FunctionCount": 0, "TotalCodeSize": 0}, usage


CHAPTERS = (
    creation,
    invocation,
    configuration,
    layers,
    versions_and_aliases,
    permissions,
    url_and_event_invoke_configs,
    concurrency,
    mappings,
    stream_mappings,
    signing_runtime_and_recursion,
    tags,
    paging_and_the_end,
)

if __name__ == "__main__":
    for chapter in CHAPTERS:
        chapter()
        print(chapter.__name__, file=sys.stderr)
    print("told")
