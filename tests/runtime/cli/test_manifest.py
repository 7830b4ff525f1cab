from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from command import Workers
    from installed import Site

ROOT = Path(__file__).parents[3]


@pytest.fixture
def parts(installed_plugin: Site, shop: Site) -> Site:
    """Install the shop without its broken neighbour."""
    worker = (shop.folder / "shop_things" / "work.py").read_text(encoding="utf-8")
    installed_plugin.install_plugin("parts", worker=worker)
    return installed_plugin


def test_a_stacks_workers_are_described_as_plain_data(workers: Workers, parts: Site) -> None:
    done = workers("manifest", "--stack", "shop", site=parts)

    assert done.code == 0
    (worker,) = done.json["workers"]
    assert worker["id"] == "parts.work"
    assert worker["sources"][0]["queue"] == "orders"
    assert "PARCELS_QUEUE_URL" in worker["environment"]


def test_what_was_written_is_found_as_declared(workers: Workers, parts: Site, tmp_path: Path) -> None:
    written = workers("manifest", "--output", "manifest.json", site=parts, cwd=tmp_path)
    checked = workers("manifest", "--check", "manifest.json", site=parts, cwd=tmp_path)

    assert (written.code, written.out) == (0, "")
    assert (checked.code, checked.out) == (0, "")


def test_a_file_that_differs_is_a_diff_and_exit_code_1(workers: Workers, parts: Site, tmp_path: Path) -> None:
    workers("manifest", "--output", "manifest.json", site=parts, cwd=tmp_path)
    file = tmp_path / "manifest.json"
    file.write_text(file.read_text().replace('"timeoutS": 60', '"timeoutS": 61'), encoding="utf-8")

    done = workers("manifest", "--check", "manifest.json", site=parts, cwd=tmp_path)

    assert done.code == 1
    assert '-      "timeoutS": 61,\n+      "timeoutS": 60,\n' in done.out
    assert "write it anew with --output manifest.json" in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot read other.json: No such file or directory."),
        ("# Read me", "other.json is not JSON"),
        ('{"name": "another"}', "other.json has none of schemaVersion, workers"),
        ("[]", "other.json has none of schemaVersion, workers"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_line_and_no_diff(
    workers: Workers, parts: Site, tmp_path: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / "other.json").write_text(text, encoding="utf-8")

    done = workers("manifest", "--check", "other.json", site=parts, cwd=tmp_path)

    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if line != "imported"]
    assert told in line
    assert "anew" not in line


def test_a_broken_worker_is_an_error_and_no_shorter_manifest(workers: Workers, shop: Site) -> None:
    done = workers("manifest", site=shop)

    assert (done.code, done.out) == (1, "")
    assert "workers: workers-crash 1.0.0: crash_things.work" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--stack", "nowhere"),
            "no installed worker is of the stack 'nowhere'; there are: dmnd, dmnd-pipeline.",
        ),
        (("--output", "a", "--check", "b"), "say one of them"),
        (("--output", "absent/manifest.json"), "cannot write absent/manifest.json"),
    ],
)
def test_what_it_cannot_do_is_one_line_and_exit_code_2(
    workers: Workers, arguments: tuple[str, ...], told: str
) -> None:
    done = workers("manifest", *arguments)

    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_the_committed_files_are_what_is_declared(workers: Workers) -> None:
    manifest = workers("manifest", "--check", str(ROOT / "infra/manifest.json"))
    schema = workers("manifest", "--json-schema", "--check", str(ROOT / "infra/manifest.schema.json"))

    assert (manifest.code, manifest.out) == (0, "")
    assert (schema.code, schema.out) == (0, "")
    assert json.loads((ROOT / "infra/manifest.schema.json").read_text())["$ref"] == "#/$defs/Manifest"
