"""The delivery worker beside Node.js: JSON.parse, the SDK's unmarshall and avsc, to the same rows."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

import delivery
import fastavro
from node_process import node
from rounds import Case, row_of
from sample_changes import delivery_text

from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.schemas import OF_THE_CHANGE, read_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from table import Row

    from workers_pipeline.codecs import Codec

CHANGES: Final = 1_000
PATH: Final = f"delivery worker: {CHANGES:,} changes to Avro, beside Node.js"
PACKAGES: Final = ("avsc", "@aws-sdk/util-dynamodb")
WAYS: Final = {
    "node: JSON.parse, unmarshall, avsc": "sdk",
    "node: JSON.parse, unmarshalled by hand, avsc": "plain",
}


def row(rounds: int) -> Row:
    """Time both ways beside ours, in the best codec that this Node.js has; they must make our rows."""
    text = delivery_text(CHANGES)
    files = {"event.json": text, "tables.json": json.dumps(_tables())}
    with node("_node_delivery.mjs", packages=PACKAGES, files=files) as running:
        codec: Codec = "zstandard" if running.ask("codec") == "zstandard" else "deflate"
        running.ask("keep")
        _compare(running.folder, text, codec)
        peers = {name: running.candidate(way) for name, way in WAYS.items()}
        measured = row_of(Case(PATH, text, delivery.delivering(codec), peers), rounds=rounds)
        return measured._replace(remark=f"both {codec}, Node's in threads; {running.versions}")


def _tables() -> dict[str, Any]:
    """Describe the tables for the script: their Avro schemas, and where a row's values stand in an item."""
    return {"salt": delivery.SALT, "tables": {name: _table(name) for name in DEMAND_DATA_TYPES}}


def _table(name: str) -> dict[str, Any]:
    schema = read_schema(name)
    fields = []
    for each in schema.fields[len(OF_THE_CHANGE) :]:
        if each.attribute is not None:
            attribute, _, inner = each.attribute.partition(".")
            fields.append({"name": each.name, "attribute": attribute, "inner": inner, "hash": each.hashed})
    return {"avro": schema.avro, "fields": fields}


class _Kept(delivery.Nowhere):
    """Keeps the files that it takes."""

    def store(self, files: Mapping[str, bytes]) -> None:
        self.files = files


def _compare(folder: Path, text: str, codec: Codec) -> None:
    """Raise SystemExit where the script's rows are not ours, the order of JSON's names aside."""
    kept = _Kept()
    with redirect_stdout(StringIO()):
        delivery.delivering(codec, warehouse=kept)(json.loads(text))
    theirs = (file.read_bytes() for file in folder.glob("*.avro"))
    if _rows(theirs) != _rows(kept.files.values()):
        raise SystemExit("the rows that Node.js wrote are not ours")


def _rows(files: Iterable[bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for data in files:
        for each in fastavro.reader(BytesIO(data)):
            assert isinstance(each, dict)
            found[str(each["change_id"])] = {**each, "extra_json": json.loads(str(each["extra_json"]))}
    return found
