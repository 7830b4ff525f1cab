"""Who is led to a stage where nobody answers is told what is known: it is down, or the URL is another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker_runtime.local.reachable import EndpointSilent, StageDown, refuse_stage_down
from worker_runtime.local.stage.keeping.state_folder import StateFolder
from worker_runtime.local.stage.parts.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from pathlib import Path


def led(folder: Path) -> dict[str, str]:
    return {"WORKER_STAGE": str(folder), "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{free_port()}"}


def test_a_demo_at_another_url_is_not_said_to_be_over_for_sure(tmp_path: Path) -> None:
    variables = led(tmp_path)

    with pytest.raises(StageDown, match="is over, or this is not its URL") as told:
        refuse_stage_down(variables)

    assert f"nobody answers at {variables['AWS_ENDPOINT_URL']}, where AWS_ENDPOINT_URL points to" in str(
        told.value
    )


def test_a_stage_that_is_up_is_not_said_to_be_down(tmp_path: Path) -> None:
    (tmp_path / "stage.json").touch()

    with StateFolder(tmp_path / "up"), pytest.raises(EndpointSilent, match="up is up; `workers stage status"):
        refuse_stage_down(led(tmp_path / "up"))
    with pytest.raises(StageDown, match="is down: `workers stage up"):
        refuse_stage_down(led(tmp_path))
