"""A scenario whose stage is killed in the middle ends, brought up again, as one that nobody disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from command import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

WITHIN_S = 150.0
LINKS = ("short-links", "--events", "30", "--seed", "3")
SALES = ("sale-to-sms", "--events", "25", "--seed", "3")

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="a killed stage leaves nothing there only")]


def undisturbed(name: str, *asked: str, folder: Path) -> Any:
    """Run the demo to its end and return its report."""
    ran = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "demo", name, *asked, "--json"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    return json.loads(ran.stdout)


class Run:
    """One ``workers stage up`` of a scenario in a folder; it is killed where it takes too long."""

    def __init__(self, name: str, *asked: str, folder: Path) -> None:
        command = [*COMMAND, "stage", "up", "--scenario", name, *asked, "--state", str(folder)]
        self._stage = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )
        self._late = threading.Timer(WITHIN_S, self._stage.kill)
        self._late.start()

    def kill_at(self, news: str) -> None:
        """Kill its process group as soon as it has said this."""
        assert self._stage.stderr is not None
        assert any(news in line for line in self._stage.stderr)
        os.killpg(self._stage.pid, signal.SIGKILL)
        self._stage.communicate()
        self._late.cancel()

    def report(self) -> Any:
        """Wait for the scenario's report and stop the stage."""
        assert self._stage.stdout is not None
        reader = threading.Thread(target=self._stage.stderr.read, daemon=True)  # type: ignore[union-attr]  # a pipe, as above
        reader.start()
        assert "endpointUrl" in json.loads(self._stage.stdout.readline())
        report = json.loads(self._stage.stdout.readline())
        self._stage.send_signal(signal.SIGINT)
        self._stage.wait()
        reader.join()
        self._stage.stdout.close()
        self._stage.stderr.close()  # type: ignore[union-attr]  # a pipe
        self._late.cancel()
        return report


def same_end(expected: Any, name: str, *asked: str, kill_at: str, folder: Path) -> None:
    Run(name, *asked, folder=folder / "stage").kill_at(kill_at)
    ended = Run(name, *asked, "--json", folder=folder / "stage").report()

    assert ended["holds"], ended["findings"]
    assert (ended["endings"], ended["state"]) == (expected["endings"], expected["state"])


@pytest.fixture(scope="module")
def undisturbed_sales(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return undisturbed(*SALES, folder=tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.long
def test_short_links_go_on_with_their_links_and_throttles(tmp_path: Path) -> None:
    expected = undisturbed(*LINKS, folder=tmp_path)

    same_end(expected, *LINKS, kill_at="of 30 items put", folder=tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("moment", ["SENDING", "DELIVERED"])
def test_sales_go_on_with_their_sms_and_receipts(undisturbed_sales: Any, moment: str, tmp_path: Path) -> None:
    same_end(undisturbed_sales, *SALES, kill_at=moment, folder=tmp_path)
