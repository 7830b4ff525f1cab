"""Readers that nobody here wrote read every file alike: fastavro, Apache's avro, DuckDB, and Node's avsc."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import files as files_of
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from avro.datafile import DataFileReader
from avro.io import DatumReader

from deliveries import FakeWarehouse, batch, carried, deliver, demand, event, notification, rows_of, sale
from workers_pipeline.codecs import compressor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workers_pipeline.codecs import Codec

CODECS = ("deflate", "zstandard")
INSTALL_S = 120
AVSC = """
import avro from "avsc";
import zlib from "node:zlib";
const rows = [];
const codecs = {deflate: zlib.inflateRaw, zstandard: zlib.zstdDecompress};
avro.createFileDecoder(process.argv[2], {codecs})
  .on("data", (row) => rows.push(row))
  .on("error", (error) => { console.error(error); process.exit(1); })
  .on("end", () => console.log(JSON.stringify(rows)));
"""


@pytest.fixture(params=CODECS, scope="module")
def delivered(request: pytest.FixtureRequest) -> Mapping[str, bytes]:
    """Deliver a batch of each type, texts of any alphabet and length among them."""
    warehouse = FakeWarehouse()
    items = [
        *(demand(f"u{at}", locale="ä" * at, quantity=at - 2, note="Zoë " * at) for at in range(70)),
        *(sale(name="春のライブ", version=2**62), sale("s2", generation=None, name="")),
        *(event(name="\x00\t\u2028"), event("e2", isSuppressed=None, venueName=None)),
        notification(attempts=-(2**40), vars={"text": "x" * 9_000}),
    ]
    codec: Codec = request.param
    deliver(batch(*(carried(item, at=at) for at, item in enumerate(items))), warehouse, codec=codec)
    assert len(warehouse.files) == 4
    return warehouse.files


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB with its own Avro extension, from the package index, not from its makers' server."""
    (extension,) = (
        Path(str(file.locate()))
        for file in files_of("duckdb-extension-avro") or ()
        if file.name == "avro.duckdb_extension"
    )
    with duckdb.connect() as connection:
        connection.install_extension(str(extension))
        connection.load_extension("avro")
        yield connection


def test_apaches_reader_reads_the_same_rows(delivered: Mapping[str, bytes]) -> None:
    for data in delivered.values():
        with DataFileReader(BytesIO(data), DatumReader()) as reader:
            rows = list(reader)

        assert rows == rows_of(data)


def test_duckdb_reads_the_same_rows(
    delivered: Mapping[str, bytes], duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    if any(b"zstandard" in data[:100] for data in delivered.values()):
        pytest.skip("DuckDB's Avro reader knows deflate and snappy alone")

    for data in delivered.values():
        file = tmp_path / "rows.avro"
        file.write_bytes(data)

        found = duck.execute("SELECT * FROM read_avro(?)", [str(file)])

        names = [each[0] for each in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        assert rows == rows_of(data)


def test_an_engine_counts_rows_and_finds_the_current_state(
    duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    warehouse = FakeWarehouse()
    first, second = demand(quantity=1, version=1), demand(quantity=2, version=2)
    changes = [carried(first), carried(second, old=first, at=1), carried(demand("u2"), at=2)]
    deliver(batch(*changes, changes[1], carried(old=demand("u2"), at=9)), warehouse)
    for at, data in enumerate(warehouse.files.values()):
        (tmp_path / f"{at}.avro").write_bytes(data)

    found = duck.execute(
        """
        WITH changes AS (SELECT DISTINCT ON (change_id) * FROM read_avro(?)),
        newest AS (
            SELECT *, row_number() OVER (
                PARTITION BY pk, sk ORDER BY changed_at_ms DESC, version DESC, deleted DESC, change_id DESC
            ) AS nth FROM changes
        )
        SELECT pk, quantity, deleted, (SELECT count(*) FROM changes) FROM newest WHERE nth = 1 ORDER BY pk
        """,
        [str(tmp_path / "*.avro")],
    ).fetchall()

    assert found == [("USER#u1", 2, False, 4), ("USER#u2", 2, True, 4)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder in which Node has avsc."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node or npm on the path")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    (folder / "read.mjs").write_text(AVSC)
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "avsc@5"]
    installed = subprocess.run(  # noqa: S603 - a name of ours
        install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    if installed.returncode:
        pytest.skip(f"npm cannot install avsc: {installed.stderr[:200]}")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS)
def test_node_reads_the_same_rows(node: Path, codec: Codec) -> None:
    if codec == "zstandard" and not node_has_zstandard():
        pytest.skip("this node's zlib has no zstandard; it has from 22.15 on")
    warehouse = FakeWarehouse()
    items = (demand(locale="ä" * 70), event(name="春"))
    deliver(batch(*(carried(item, at=at) for at, item in enumerate(items))), warehouse, codec=codec)

    for data in warehouse.files.values():
        (node / "rows.avro").write_bytes(data)
        done = subprocess.run(
            ["node", "read.mjs", "rows.avro"],  # noqa: S607 - whichever node the path has
            cwd=node,
            capture_output=True,
            text=True,
            check=True,
        )

        assert json.loads(done.stdout) == unwrapped(rows_of(data))


def node_has_zstandard() -> bool:
    asked = "process.exit(require('node:zlib').zstdDecompress ? 0 : 1)"
    return subprocess.run(["node", "-e", asked], check=False).returncode == 0  # noqa: S603, S607 - as below


def unwrapped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read numbers as Node does."""
    return json.loads(json.dumps(rows))  # type: ignore[no-any-return]  # what went in


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_is_what_avro_means_by_its_name(codec: Codec) -> None:
    data = b"the same again and again, " * 1000

    assert len(compressor(codec)(data)) < len(data) / 10
