"""What tests of workers are written with."""

from __future__ import annotations

import subprocess
import sys

import pytest

from worker_runtime import testing


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(testing, name) is not None


def test_a_name_that_there_is_not_is_told() -> None:
    with pytest.raises(AttributeError, match=r"worker_runtime\.testing has no 'Mock'"):
        _ = testing.Mock  # type: ignore[attr-defined] # the mistake


def test_whoever_needs_no_stand_in_imports_no_stage() -> None:
    asked = "import sys, worker_runtime.testing; print('worker_runtime.local' in sys.modules)"

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "False"


def test_a_schedule_s_event_is_its_payload_or_a_tick() -> None:
    rule = testing.schedule_event(rule="nightly")
    scheduler = testing.schedule_event(timezone="UTC")

    assert testing.schedule_event({"saleId": "s-1"}) == {"saleId": "s-1"}
    assert rule.keys() == scheduler.keys()
    assert (rule["source"], rule["detail"]) == ("aws.events", {})
    assert (scheduler["source"], scheduler["detail"]) == ("aws.scheduler", "{}")
    assert rule["resources"][0].endswith(":rule/nightly")
    assert rule["id"] != scheduler["id"]
