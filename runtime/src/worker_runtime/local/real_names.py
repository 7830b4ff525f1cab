"""Logical names to real ones, for commands that run outside a worker: by variable, else by asking AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker_runtime.errors import SettingsError
from worker_runtime.grants import variable
from worker_runtime.local.stage.names import Names, local_name
from worker_runtime.sources.kinesis import Kinesis
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker_runtime.grants import Grant, Kind
    from worker_runtime.local.endpoint import Endpoint
    from worker_runtime.sources import Source


class RealNames:
    """Finds queues and streams: in the variable that the manifest names, under their own name, a stage's."""

    def __init__(self, environ: Mapping[str, str], *, aws: Endpoint) -> None:
        self._environ = environ
        self._aws = aws

    def queue_url(self, queue: str) -> str:
        """Return a queue's URL; SettingsError where it is not to be found."""
        given = self._environ.get(variable("queue", queue))
        if queue.startswith(("http://", "https://")) or given:
            return given or queue
        for name in (queue, local_name(queue)):
            try:
                url: str = self._aws("sqs").get_queue_url(QueueName=name)["QueueUrl"]
            except ClientError as error:
                if not error.response["Error"]["Code"].endswith(("NonExistentQueue", "QueueDoesNotExist")):
                    raise
            else:
                return url
        raise SettingsError(
            f"there is no queue {queue!r}; set {variable('queue', queue)} to its URL, or name it by its URL."
        )

    def stream_arn(self, name: str) -> str:
        """Return the ARN of a Kinesis stream, or of a table's own; SettingsError where there is neither."""
        if arn := self._found(name) or self._table_stream_arn(name):
            return arn
        raise SettingsError(
            f"there is no stream {name!r}, and no table of that name with a stream;"
            " name the table whose changes it carries, or the stream by its ARN."
        )

    def of(self, sources: Iterable[Source]) -> Names:
        """Gather the real names of what these sources read."""
        names = Names()
        for source in sources:
            if spill := getattr(source, "spill_bucket", None):
                names.add("bucket", spill, self._environ.get(variable("bucket", spill), local_name(spill)))
            match source:
                case Sqs(queue=queue):
                    names.add("queue", queue, self.queue_url(queue))
                case Kinesis(stream=stream):
                    names.add("stream", stream, self._kinesis_arn(stream))
                case TableStream(table=table, kinesis=kinesis):
                    found = self._found(kinesis) if kinesis else None
                    own = "" if found else self._table_stream_arn(table)  # what is carried is read there
                    names.add("stream", table, own)
                    if kinesis:
                        names.add("stream", kinesis, found or self._carrier(kinesis, own, table=table))
        return names

    def is_named(self, said: str, *, kind: Kind, logical: str) -> bool:
        """Whether somebody means a resource by its logical name, its variable's, a stage's, or that's ARN."""
        real = self._environ.get(variable(kind, logical))
        return said in (logical, real) or said.rpartition("/")[2] == local_name(logical)

    def variables(self, grants: Iterable[Grant]) -> dict[str, str]:
        """Look up the queues and tables that no variable names; what is not to be found is left out."""
        found = {}
        for grant in grants:
            if grant.variable not in self._environ and grant.kind == "queue":
                found[grant.variable] = self.queue_url(grant.name)
            if grant.variable not in self._environ and grant.kind == "table":
                found[grant.variable] = self._table(grant.name).get("TableName", grant.name)
        return found

    def _table_stream_arn(self, table: str) -> str:
        """Return the ARN of a table's own stream; empty where it has none, or there is no such table."""
        return str(self._table(table).get("LatestStreamArn", ""))

    def _table(self, table: str) -> Mapping[str, Any]:
        for name in (self._environ.get(variable("table", table), table), local_name(table)):
            try:
                described: Mapping[str, Any] = self._aws("dynamodb").describe_table(TableName=name)["Table"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
            else:
                return described
        return {}

    def _kinesis_arn(self, stream: str) -> str:
        """Return a stream's ARN; a made-up one where there is none, which only reading would miss."""
        return self._found(stream) or f"arn:aws:kinesis:{self._aws.region}:000000000000:stream/{stream}"

    def _carrier(self, stream: str, table_arn: str, *, table: str) -> str:
        """Word the ARN of a stream that carries a table's changes and is not there, as a stage does."""
        if not table_arn:
            return self._kinesis_arn(stream)
        account, staged = table_arn.split(":")[4], f"/{local_name(table)}/" in table_arn
        real = local_name(stream) if staged else stream
        return f"arn:aws:kinesis:{self._aws.region}:{account}:stream/{real}"

    def _found(self, stream: str) -> str | None:
        if given := self._environ.get(variable("stream", stream)):
            return given
        for name in (stream, local_name(stream)):
            try:
                described = self._aws("kinesis").describe_stream_summary(StreamName=name)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
            else:
                return str(described["StreamDescriptionSummary"]["StreamARN"])
        return None
