"""Makes the queues, tables, secrets and buckets that declarations name; what exists is taken over.

Terraform does this in an environment; here it is done through the same APIs, so that any endpoint
will do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.names import Names, local_name
from worker_runtime.sources.kinesis import Kinesis
from worker_runtime.sources.s3 import S3
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from worker_runtime.local.offers import OutsideTable
    from worker_runtime.workers import Declaration

DEAD_LETTER_RETENTION_S = 1_209_600  # 14 days
ACCOUNT = "000000000000"  # whose roles they are; emulators let anybody assume any

KINESIS_SHARDS = 2  # so that a worker meets more than one, as in production

_EXISTS = {"ResourceInUseException", "ResourceExistsException", "BucketAlreadyOwnedByYou"}


class Unprovided(WorkerRuntimeError):
    """Workers ask for an outside resource that no plugin offers a stand-in for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What others own in an environment and the stage makes up: tables, secrets' values, Redis."""

    tables: Sequence[OutsideTable]
    secrets: Mapping[str, Mapping[str, str]]
    redis_url: str | None = None


def provision(
    declarations: Iterable[Declaration], *, outside: Outside, aws: Callable[[str], Any], region: str
) -> Names:
    """Make all that the declared workers need and return its names."""
    declared = list(declarations)
    names = Names()
    _tables(outside.tables, names, aws("dynamodb"))
    _queues(declared, names, aws("sqs"))
    _carriers(declared, names, region=region)
    _streams(declared, names, aws)
    wanted: dict[str, set[str]] = {}
    for declaration in declared:
        for grant in declaration.all_grants:
            wanted.setdefault(grant.kind, set()).add(grant.name)
        for source in declaration.sources:
            if isinstance(source, S3):
                wanted.setdefault("bucket", set()).add(source.bucket)
    _check_tables(wanted, names)
    if secrets := wanted.get("secret"):
        _secrets(sorted(secrets), outside, names, aws("secretsmanager"))
    if buckets := wanted.get("bucket"):
        _buckets(sorted(buckets), names, aws("s3"), region=region)
    for cluster in wanted.get("redis", ()):
        names.add("redis", cluster, outside.redis_url or "")
    for role in wanted.get("role", ()):
        names.add("role", role, f"arn:aws:iam::{ACCOUNT}:role/{local_name(role)}")
    return names


def _tables(tables: Iterable[OutsideTable], names: Names, dynamodb: Any) -> None:
    for table in tables:
        real = local_name(table.name)
        _unless_there(partial(dynamodb.create_table, TableName=real, **_table_shape(table)))
        dynamodb.get_waiter("table_exists").wait(TableName=real, WaiterConfig={"Delay": 1})
        description = dynamodb.describe_table(TableName=real)["Table"]
        if not description.get("StreamSpecification", {}).get("StreamEnabled"):
            stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            description = dynamodb.update_table(TableName=real, StreamSpecification=stream)[
                "TableDescription"
            ]
        names.add("table", table.name, real)
        names.add("stream", table.name, description["LatestStreamArn"])


def _table_shape(table: OutsideTable) -> dict[str, Any]:
    keys = [(table.hash_key, table.range_key), *((each.hash_key, each.range_key) for each in table.indexes)]
    attributes = dict.fromkeys(name for pair in keys for name in pair if name is not None)
    shape: dict[str, Any] = {
        "KeySchema": _key_schema(table.hash_key, table.range_key),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in attributes],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }
    if table.indexes:
        shape["GlobalSecondaryIndexes"] = [
            {
                "IndexName": each.name,
                "KeySchema": _key_schema(each.hash_key, each.range_key),
                "Projection": {"ProjectionType": "ALL"},
            }
            for each in table.indexes
        ]
    return shape


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    if range_key is not None:
        schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return schema


def _queues(declared: Sequence[Declaration], names: Names, sqs: Any) -> None:
    """Make every queue first and set it up then: a redrive policy names another queue."""
    redrives: dict[str, dict[str, Any]] = {}
    for logical, attributes in _queue_attributes(declared).items():
        fifo = {"FifoQueue": "true"} if logical.endswith(".fifo") else {}
        url = sqs.create_queue(QueueName=local_name(logical), Attributes=fifo)["QueueUrl"]
        names.add("queue", logical, url)
        if attributes:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    for source in (source for declaration in declared for source in declaration.sources):
        if isinstance(source, Sqs) and source.dead_letters:
            target = queue_arn(sqs, names.named("queue", source.dead_letters))
            redrives[source.queue] = {"deadLetterTargetArn": target, "maxReceiveCount": source.max_receives}
    for logical, policy in redrives.items():
        attributes = {"RedrivePolicy": json.dumps(policy)}
        sqs.set_queue_attributes(QueueUrl=names.named("queue", logical), Attributes=attributes)


def _queue_attributes(declared: Iterable[Declaration]) -> dict[str, dict[str, str]]:
    """List the queues that are granted, read or for dead letters, and how each is to be set up."""
    attributes: dict[str, dict[str, str]] = {}
    for declaration in declared:
        for grant in declaration.all_grants:
            if grant.kind == "queue":
                attributes.setdefault(grant.name, {})
        for source in declaration.sources:
            if dead_letters := getattr(source, "dead_letters", None):
                own = attributes.setdefault(dead_letters, {})
                own["MessageRetentionPeriod"] = str(DEAD_LETTER_RETENTION_S)
            if isinstance(source, Sqs):
                own = attributes.setdefault(source.queue, {})
                own["VisibilityTimeout"] = str(source.visibility_for(declaration.timeout_s))
    return attributes


def queue_arn(sqs: Any, url: str) -> str:
    """Look up the ARN of a queue."""
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _carriers(declared: Iterable[Declaration], names: Names, *, region: str) -> None:
    """Name the streams that carry changes; they are not made, since the poller puts changes in their form."""
    for declaration in declared:
        for source in declaration.sources:
            if isinstance(source, TableStream) and source.kinesis:
                account = names.named("stream", source.table).split(":")[4]
                arn = f"arn:aws:kinesis:{region}:{account}:stream/{local_name(source.kinesis)}"
                names.add("stream", source.kinesis, arn)


def _streams(declared: Iterable[Declaration], names: Names, aws: Callable[[str], Any]) -> None:
    """Make the Kinesis streams that are read for themselves."""
    sources = (source for declaration in declared for source in declaration.sources)
    for logical in sorted({source.stream for source in sources if isinstance(source, Kinesis)}):
        kinesis, real = aws("kinesis"), local_name(logical)
        _unless_there(partial(kinesis.create_stream, StreamName=real, ShardCount=KINESIS_SHARDS))
        kinesis.get_waiter("stream_exists").wait(StreamName=real, WaiterConfig={"Delay": 1})
        summary = kinesis.describe_stream_summary(StreamName=real)["StreamDescriptionSummary"]
        names.add("stream", logical, summary["StreamARN"])


def _check_tables(wanted: Mapping[str, set[str]], names: Names) -> None:
    for table in sorted(
        {*wanted.get("table", ()), *(each.partition("/")[0] for each in wanted.get("index", ()))}
    ):
        try:
            names.named("table", table)
        except WorkerRuntimeError as error:
            raise Unprovided(
                f"workers ask for the table {table!r}, and no plugin's stand_ins() offers it;"
                f" return OutsideTable(name={table!r}) there."
            ) from error


def _secrets(wanted: Iterable[str], outside: Outside, names: Names, secretsmanager: Any) -> None:
    for logical in wanted:
        if logical not in outside.secrets:
            raise Unprovided(
                f"workers ask for the secret {logical!r}, and no plugin's stand_ins() gives its value;"
                f" name it in an OutsideService's secrets, or return OutsideSecret({logical!r}, ...) there."
            )
        real, value = local_name(logical), json.dumps(dict(outside.secrets[logical]))
        if _unless_there(partial(secretsmanager.create_secret, Name=real, SecretString=value)):
            secretsmanager.put_secret_value(SecretId=real, SecretString=value)
        names.add("secret", logical, real)


def _buckets(wanted: Iterable[str], names: Names, s3: Any, *, region: str) -> None:
    elsewhere = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    for logical in wanted:
        real = local_name(logical)
        _unless_there(partial(s3.create_bucket, Bucket=real, **elsewhere))
        names.add("bucket", logical, real)


def _unless_there(make: Callable[[], Any]) -> bool:
    """Make something; True where it was there already."""
    try:
        make()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _EXISTS:
            raise
        return True
    return False
