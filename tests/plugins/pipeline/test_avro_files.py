"""Files as fastavro writes them, byte for byte."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.avro_rows import row_encoder
from workers_pipeline.codecs import ZSTD_LEVEL

if TYPE_CHECKING:
    from workers_pipeline.codecs import Codec

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "r",
    "namespace": "n",
    "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": ["null", "long"], "default": None}],
}
ROWS = st.lists(
    st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.integers(-9, 9)), min_size=1
)


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
@settings(max_examples=30)
@given(rows=ROWS)
def test_a_file_is_what_fastavro_writes_in_one_block(
    codec: Codec, rows: list[tuple[str, int | None]]
) -> None:
    encode, written = row_encoder(SCHEMA), BytesIO()
    fastavro.writer(
        written,
        SCHEMA,
        [{"a": a, "b": b} for a, b in rows],
        codec=codec,
        codec_compression_level=ZSTD_LEVEL if codec == "zstandard" else None,
        sync_interval=10**9,
        sync_marker=sha256(b"name").digest()[:16],
    )

    ours = AvroFiles(codec).written([encode(row) for row in rows], schema=SCHEMA, name="name")

    if codec == "zstandard":  # fastavro's deflate has three bytes of a checksum behind each block
        assert body(ours) == body(written.getvalue())
    assert list(fastavro.reader(BytesIO(ours))) == list(fastavro.reader(BytesIO(written.getvalue())))


def body(file: bytes) -> bytes:
    """Leave the head out: fastavro adds a word of its own to the schema there."""
    return file[file.index(sha256(b"name").digest()[:16]) :]


def test_the_same_rows_of_another_name_have_another_marker_and_are_the_same_rows() -> None:
    row = row_encoder(SCHEMA)(("x", 1))

    first, second = (AvroFiles("deflate").written([row], schema=SCHEMA, name=name) for name in ("a", "b"))

    assert first != second
    assert list(fastavro.reader(BytesIO(first))) == list(fastavro.reader(BytesIO(second)))


def test_the_head_has_the_schema_without_what_only_we_read() -> None:
    file = AvroFiles("deflate").written([row_encoder(SCHEMA)(("x", 1))], schema=SCHEMA, name="a")

    assert fastavro.reader(BytesIO(file)).metadata == {
        "avro.codec": "deflate",
        "avro.schema": (
            '{"type":"record","name":"r","namespace":"n","fields":[{"name":"a","type":"string"},'
            '{"name":"b","type":["null","long"],"default":null}]}'
        ),
    }
