"""1,000 changes of four types to zstd Avro: the delivery worker, the obvious way, and the limit."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import fastavro
import orjson
import ours
from backports import zstd
from boto3.dynamodb.types import TypeDeserializer
from rounds import Case
from sample_changes import delivery_text
from table import Goal

from worker_runtime import redact
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.partitions import PartitionPolicy
from workers_pipeline.schemas import read_schema
from workers_pipeline.services import Warehouse
from workers_pipeline.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rounds import Candidate

    from workers_pipeline.codecs import Codec

PATH: Final = "delivery worker: {:,} changes to zstd Avro"
OBVIOUS: Final = "json, boto3 TypeDeserializer, fastavro"
SALT: Final = "pepper"


class Nowhere(Warehouse):
    """Takes files and keeps none."""

    def store(self, files: Mapping[str, bytes]) -> None:
        """Look at them."""
        assert files


def cases(records: int = 1000) -> list[Case]:
    """List the batch beside its peers."""
    peers = {
        OBVIOUS: obvious(),
        f"{OBVIOUS}, both images": obvious(both=True),
        "base64, orjson and zstd alone": limit,
    }
    return [Case(PATH.format(records), delivery_text(records), delivering(), peers, Goal(4))]


def delivering(codec: Codec = "zstandard", *, warehouse: Warehouse | None = None) -> Candidate:
    """Compose the worker as the plugin does, but for where its files go."""
    tables = Tables(DEMAND_DATA_TYPES, policy=PartitionPolicy(), salt=lambda: SALT)
    files = AvroFiles(codec)
    services: dict[type, Any] = {Tables: tables, AvroFiles: files, Warehouse: warehouse or Nowhere()}
    return ours.running(deliver_changes, given=services)


def limit(event: Any) -> None:
    """Parse and compress, with nothing between: what no worker of Python can be quicker than."""
    images = []
    for record in event["Records"]:
        data = b64decode(record["kinesis"]["data"])
        orjson.loads(data)
        images.append(data)
    zstd.compress(b"".join(images))


def obvious(*, both: bool = False) -> Candidate:
    """Write it as one would from the libraries' documentation: the same rows in the same files.

    ``both`` images are unmarshalled, and then one is picked.
    """
    deserialize = TypeDeserializer().deserialize
    schemas = {name: read_schema(name) for name in DEMAND_DATA_TYPES}
    parsed = {name: fastavro.parse_schema(schema.avro) for name, schema in schemas.items()}

    def loop(event: Any) -> None:
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in event["Records"]:
            change = json.loads(b64decode(record["kinesis"]["data"]))
            wire = change["dynamodb"]
            removed = change["eventName"] == "REMOVE"
            image = wire["OldImage" if removed else "NewImage"]
            item = {name: deserialize(value) for name, value in image.items()}
            if both and not removed:
                _ = {name: deserialize(value) for name, value in wire.get("OldImage", {}).items()}
            at_ms = wire["ApproximateCreationDateTime"]
            date = datetime.fromtimestamp(at_ms / 1000, tz=UTC).date().isoformat()
            row = _obvious_row(item, schemas[item["type"]].fields)
            row |= {"change_id": change["eventID"], "change_type": change["eventName"]}
            row |= {"changed_at_ms": at_ms, "deleted": removed}
            groups.setdefault((item["type"], date), []).append(row)
        for (name, _), rows in groups.items():
            fastavro.writer(BytesIO(), parsed[name], rows, codec="zstandard")

    return loop


def _obvious_row(item: dict[str, Any], fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    taken = {"type"}
    for field in fields:
        if field.attribute is None:
            continue
        name, _, inner = field.attribute.partition(".")
        value = item.get(name)
        if inner and value is not None:
            value = value.get(inner)
        if field.hashed and value:
            value = hmac.new(SALT.encode(), value.encode(), "sha256").hexdigest()
        if field.kind == "long" and value is not None:
            value = int(value)
        row[field.name] = value
        taken.add(name)
    extra = redact({name: value for name, value in item.items() if name not in taken})
    row["extra_json"] = json.dumps(extra, default=str) if extra else None
    return row
