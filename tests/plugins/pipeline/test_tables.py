"""Glue's tables, the README and the command tell what the schemas say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from command import Workers
from worker_runtime import Settings
from worker_runtime.catalogue import installed
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.local.glue import BEGINS, ENDS, glue_tables, redrawn
from workers_pipeline.local.warehouse.scenario import Warehouse
from workers_pipeline.schemas import read_schema
from workers_pipeline.settings import PipelineSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
README = ROOT / "plugins/pipeline/README.md"


def test_the_committed_tables_are_those_of_the_schemas() -> None:
    committed = json.loads((ROOT / "infra/pipeline-tables.json").read_text(encoding="utf-8"))

    assert committed == glue_tables(), (
        "infra/pipeline-tables.json is not of today's schemas; mend it: "
        ".venv/bin/workers pipeline tables --json | python3 -m json.tool > infra/pipeline-tables.json"
    )


def test_glue_has_a_table_for_each_type_with_the_columns_of_its_files_in_their_order() -> None:
    for table, data_type in zip(glue_tables()["tables"], DEMAND_DATA_TYPES, strict=True):
        schema = json.loads(table["serializationParameters"]["avro.schema.literal"])

        assert (table["name"], table["location"]) == (data_type, f"data-pipeline/avro/{data_type}/")
        assert [each["name"] for each in table["columns"]] == [each["name"] for each in schema["fields"]]
        assert schema == read_schema(data_type).avro
        assert table["partitionKeys"] == [{"name": "partition_date", "type": "string"}]
        assert {each["type"] for each in table["columns"]} <= {"string", "bigint", "boolean"}


def test_the_readme_shows_the_tables_as_they_are() -> None:
    written = README.read_text(encoding="utf-8")

    assert written == redrawn(written), (
        "the README's tables are not of today's schemas; mend it: "
        ".venv/bin/workers pipeline tables --write plugins/pipeline/README.md"
    )


@pytest.mark.parametrize("document", ["nothing here", f"{BEGINS} and no end", f"{ENDS}{BEGINS}"])
def test_a_document_without_a_place_for_the_tables_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no place for the tables"):
        redrawn(document)


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--write", "plugins/pipeline/README.md")])
def test_the_commands_examples_do_what_they_say(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "plugins/pipeline").mkdir(parents=True)
    shutil.copy(README, tmp_path / "plugins/pipeline/README.md")
    workers = Workers(tmp_path)

    told, done = workers("pipeline", "tables", "--help"), workers("pipeline", "tables", *arguments)

    assert " ".join(("workers pipeline tables", *arguments)) in " ".join(told.out.split())
    assert done.code == 0, done.err
    assert not arguments or "--json" not in arguments or done.json == glue_tables()


def test_a_document_that_has_no_place_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text("nothing")

    done = Workers(tmp_path)("pipeline", "tables", "--write", "empty.md")

    assert done.code == 2
    assert "no place for the tables" in done.err


def settings_of(model: Any, *, above: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(model):
        path = f"{above}{field.encode_name}"
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            yield from settings_of(field.type, above=f"{path}.")
        else:
            yield path


def test_the_readme_tells_every_setting_variable_worker_and_metric() -> None:
    written = README.read_text(encoding="utf-8")
    variables = {grant.variable for grant in deliver_changes.declaration.all_grants if grant.kind != "stream"}
    workers = [name for name in installed().workers if name.startswith("pipeline.")]

    assert [each for each in settings_of(PipelineSettings) if f"`{each}`" not in written] == []
    assert [each for each in variables if f"`{each}`" not in written] == []
    assert [each for each in workers if f"| `{each}` |" not in written] == []
    assert all(f"`{each}`" in written for each in ("ObjectsWritten", "BytesWritten", "RowsWritten"))


def test_the_projects_readme_tells_the_job_that_can_be_watched() -> None:
    assert f"| `{Warehouse.name}` |" in (ROOT / "README.md").read_text(encoding="utf-8")
