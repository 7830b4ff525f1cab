"""What the stage relies on in MiniStack's Step Functions, and why its API Gateway and AppSync are not used.

A test whose name says "unlike AWS" holds a difference; re-run when the pin moves.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from behind_apis import call
from staged import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from behind_apis import Told
    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]

ROLE = "arn:aws:iam::000000000000:role/any"
BOOTSTRAP = """#!{python}
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, id = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    kind, told = "response", {reply}
    if kind == "error":
        told = {{"errorType": told, "errorMessage": "the table is called prd3292"}}
    api.request("POST", f"/2018-06-01/runtime/invocation/{{id}}/{{kind}}", json.dumps(told))
    api.getresponse().read()
"""
ECHO = '{"statusCode": 200, "body": json.dumps(event)}'
RAISES = '"OutOfStock"; kind = "error"'


@contextmanager
def client(service: str, emulator: Emulator) -> Iterator[Any]:
    made = boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want a literal
        endpoint_url=emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with closing(made):
        yield made


class Functions:
    """Functions of the emulator whose reply is a Python expression over ``event``."""

    def __init__(self, emulator: Emulator, unique: Unique) -> None:
        self.emulator, self.unique = emulator, unique

    def make(self, reply: str) -> str:
        """Return the ARN of a new one."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, BOOTSTRAP.format(python=f"{sys.executable} -IS", reply=reply))
        with client("lambda", self.emulator) as aws:
            made = aws.create_function(
                FunctionName=self.unique("f"),
                Runtime="provided.al2023",
                Handler="bootstrap",
                Role=ROLE,
                Code={"ZipFile": packed.getvalue()},
                Timeout=5,
            )
        return str(made["FunctionArn"])


@pytest.fixture
def functions(emulator: Emulator, unique: Unique) -> Functions:
    """Make functions."""
    return Functions(emulator, unique)


def rest(functions: Functions, arn: str, **asked: Any) -> Told:
    """Ask a REST API whose every path leads to a function."""
    with client("apigateway", functions.emulator) as aws:
        api = aws.create_rest_api(name=functions.unique("api"))["id"]
        root = aws.get_resources(restApiId=api)["items"][0]["id"]
        resource = aws.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"]
        method = {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"}
        aws.put_method(**method, authorizationType="NONE")
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        aws.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        aws.create_deployment(restApiId=api, stageName="local")
    return call(functions.emulator.endpoint_url, f"/_aws/execute-api/{api}/local/a", **asked)


def http_api(functions: Functions, arn: str, **asked: Any) -> Told:
    """Ask an HTTP API whose every path leads to a function."""
    with client("apigatewayv2", functions.emulator) as aws:
        api = aws.create_api(Name=functions.unique("api"), ProtocolType="HTTP", Target=arn)["ApiId"]
        made = aws.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        aws.create_route(ApiId=api, RouteKey="ANY /{proxy+}", Target=f"integrations/{made['IntegrationId']}")
        aws.create_stage(ApiId=api, StageName="local", AutoDeploy=True)
    return call(functions.emulator.endpoint_url, f"/_aws/execute-api/{api}/local/a", **asked)


# --- API Gateway


def test_unlike_aws_a_caller_is_told_the_function_s_own_error(functions: Functions) -> None:
    arn = functions.make(RAISES)

    for told in (rest(functions, arn), http_api(functions, arn)):
        assert told.status == 502
        assert b"prd3292" in told.body


def test_unlike_aws_a_rest_api_takes_a_reply_without_a_status(functions: Functions) -> None:
    assert rest(functions, functions.make('{"no": "status"}')).status == 200


def test_unlike_aws_a_throttle_is_429_of_every_api(functions: Functions) -> None:
    arn = functions.make(ECHO)
    with client("lambda", functions.emulator) as aws:
        aws.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)

    assert [told.status for told in (rest(functions, arn), http_api(functions, arn))] == [429, 429]


def test_unlike_aws_headers_of_a_rest_api_lose_their_case_and_their_lines(functions: Functions) -> None:
    told = rest(functions, functions.make(ECHO), headers=[("X-Tag", "a"), ("X-Tag", "b")])

    assert told.json()["multiValueHeaders"]["x-tag"] == ["a, b"]


def test_unlike_aws_an_http_api_hands_over_no_cookies(functions: Functions) -> None:
    event = http_api(functions, functions.make(ECHO), headers=[("Cookie", "a=1; b=2")]).json()

    assert "cookies" not in event
    assert event["headers"]["cookie"] == "a=1; b=2"


def test_unlike_aws_a_function_url_undoes_the_escapes_of_paths_and_queries(functions: Functions) -> None:
    with client("lambda", functions.emulator) as aws:
        url = aws.create_function_url_config(FunctionName=functions.make(ECHO), AuthType="NONE")[
            "FunctionUrl"
        ]
    url_id = url.removeprefix("https://").partition(".")[0]

    event = call(functions.emulator.endpoint_url, f"/_aws/lambda-url/{url_id}/a%2Fb?x=1+2").json()

    assert (event["rawPath"], event["rawQueryString"]) == ("/a/b", "x=1%202")


# --- AppSync


@pytest.fixture
def graphql(functions: Functions) -> Iterator[Callable[..., Any]]:
    """Make an API whose field ``Query.order`` a function resolves, and ask for it."""
    with client("appsync", functions.emulator) as aws:

        def ask(reply: str, **resolver: Any) -> Any:
            api = aws.create_graphql_api(name=functions.unique("api"), authenticationType="API_KEY")[
                "graphqlApi"
            ]
            key = aws.create_api_key(apiId=api["apiId"])["apiKey"]["id"]
            aws.start_schema_creation(apiId=api["apiId"], definition=b"type Query { order: AWSJSON }")
            source = {"lambdaFunctionArn": functions.make(reply)}
            aws.create_data_source(
                apiId=api["apiId"], name="worker", type="AWS_LAMBDA", lambdaConfig=source, serviceRoleArn=ROLE
            )
            aws.create_resolver(
                apiId=api["apiId"], typeName="Query", fieldName="order", dataSourceName="worker", **resolver
            )
            path = f"/v1/apis/{api['apiId']}/graphql"
            headers = [("x-api-key", key), ("Content-Type", "application/json")]
            body = b'{"query": "{ order }"}'
            url = functions.emulator.endpoint_url
            return call(url, path, method="POST", body=body, headers=headers).json()

        yield ask


def test_unlike_aws_appsync_invokes_one_by_one_whatever_the_batch_size(graphql: Callable[..., Any]) -> None:
    told = graphql('{"is": type(event).__name__}', maxBatchSize=10)

    assert "dict" in json.dumps(told["data"])


def test_unlike_aws_appsync_takes_an_error_for_data(graphql: Callable[..., Any]) -> None:
    told = graphql(RAISES)

    assert "errors" not in told
    assert "prd3292" in json.dumps(told["data"])


def test_unlike_aws_appsync_hands_over_no_selection(graphql: Callable[..., Any]) -> None:
    told = graphql('list(event["info"])')

    assert "selectionSetList" not in json.dumps(told["data"])


# --- Step Functions


def executed(functions: Functions, task: dict[str, Any], given: Any = None) -> Any:
    """Run a state machine of one task to its end."""
    definition = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": True, **task}}}
    with client("stepfunctions", functions.emulator) as aws:
        machine = aws.create_state_machine(
            name=functions.unique("flow"), definition=json.dumps(definition), roleArn=ROLE
        )
        started = aws.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(given or {})
        )

        def ended() -> Any:
            told = aws.describe_execution(executionArn=started["executionArn"])
            return None if told["status"] == "RUNNING" else told

        return eventually(ended)


def test_a_task_fails_under_the_name_that_its_runtime_posted(functions: Functions) -> None:
    told = executed(functions, {"Resource": functions.make(RAISES)})

    assert (told["status"], told["error"]) == ("FAILED", "OutOfStock")
    assert json.loads(told["cause"])["errorMessage"] == "the table is called prd3292"


def test_unlike_aws_a_state_takes_more_than_256_kib(functions: Functions) -> None:
    told = executed(functions, {"Resource": functions.make('"x" * 300_000')}, {"more": "x" * 300_000})

    assert told["status"] == "SUCCEEDED"


# --- Firehose


def test_firehose_asks_the_function_with_the_fields_of_aws(functions: Functions) -> None:
    delivered = streamed(
        functions,
        '{"records": [{"recordId": each["recordId"], "result": "Ok", "data": __import__("base64").b64encode('
        'json.dumps([sorted(event), sorted(each)]).encode()).decode()} for each in event["records"]]}',
    )

    assert json.loads(delivered) == [
        ["deliveryStreamArn", "invocationId", "records", "region"],
        ["approximateArrivalTimestamp", "data", "recordId"],
    ]


def test_unlike_aws_firehose_delivers_what_a_failed_function_did_not_transform(functions: Functions) -> None:
    assert streamed(functions, RAISES) == b"as it was put"


def streamed(functions: Functions, reply: str) -> bytes:
    """Put one record through a delivery stream; what arrives in its bucket."""
    bucket, name = functions.unique("bucket"), functions.unique("lines")
    parameters = [{"ParameterName": "LambdaArn", "ParameterValue": functions.make(reply)}]
    processing = {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}
    with client("s3", functions.emulator) as s3, client("firehose", functions.emulator) as firehose:
        s3.create_bucket(Bucket=bucket)
        firehose.create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{bucket}",
                "ProcessingConfiguration": processing,
            },
        )
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"as it was put"})
        (found,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
        body: bytes = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        return body
