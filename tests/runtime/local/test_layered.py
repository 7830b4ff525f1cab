from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from worker_runtime.catalogue import Catalogue
from worker_runtime.local.coldstart.layered import layered, needed

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Catalogue(workers={}, plugins={}, local={}, runtime="1.0")
LOOK = """
import json, sys
import msgspec, worker_runtime
try:
    import pytest
except ModuleNotFoundError:
    pytest = None
print(json.dumps([sys.path, worker_runtime.__file__, pytest is None]))
"""


def test_a_layered_folder_has_what_is_needed_and_nothing_else(tmp_path: Path) -> None:
    site = layered(tmp_path, catalogue=NOTHING, distributions=("worker-runtime",))

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [site.python, "-c", LOOK],
        env={"PYTHONPATH": str(site.packages)},
        check=True,
        capture_output=True,
        text=True,
    )
    path, runtime, alone = json.loads(done.stdout)
    assert str(site.packages) in path
    assert runtime == str(site.packages / "worker_runtime" / "__init__.py")
    assert alone
    assert json.loads((site.packages / "worker_index.json").read_text())["runtime"] == "1.0"


def test_what_is_needed_is_all_that_is_required_and_of_extras_what_was_asked_for() -> None:
    plain = {each.name for each in needed(["worker-runtime"])}
    extra = {each.name for each in needed(["worker-runtime[aws]"])}

    assert {"worker-runtime", "msgspec", "pluggy", "importlib-metadata"} <= {
        name.replace("_", "-") for name in plain
    }
    assert not plain & {"boto3", "botocore", "redis", "typer"}
    assert {"boto3", "botocore"} <= extra
    assert "redis" not in extra


def test_what_is_not_installed_is_not_needed() -> None:
    assert list(needed(["nobody-has-this"])) == []
