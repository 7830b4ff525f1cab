"""What ``--help`` gives as examples does what it says."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demand_items import notification_item
from generator_function import LambdaStandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators import Operator

ROOT = Path(__file__).parents[3]
COMMANDS = ("counts", "history", "retry", "generate", "lifecycle")
NOTIFICATION = "5f0c9a6e2b7d4f1e8a3c6b9d0e2f4a71"
OF_THE_WORKER = {"BITLY_SECRET_ID": "bitly", "DMND_REDIS_URL": "redis://127.0.0.1:9"}


@pytest.fixture
def there(operator: Operator, tmp_path: Path) -> Iterator[Operator]:
    """Put what the examples name, and write the files that they name."""
    sale = operator.put_sale("s-1", event_id="e-1", event={"shortUrl": "https://bit.ly/e1"})
    operator.put_fan("u-1", sale, status="FAILED", lastError="30005")
    item = notification_item(NOTIFICATION, status="FAILED", userId="u-1", eventId="e-1", saleId="s-1")
    operator.table.put(item)
    (tmp_path / "plugins/dmnd").mkdir(parents=True)
    shutil.copy(ROOT / "plugins/dmnd/README.md", tmp_path / "plugins/dmnd/README.md")
    with LambdaStandIn(operator.table) as deployed:
        operator.environment |= {**OF_THE_WORKER, "AWS_ENDPOINT_URL_LAMBDA": deployed.url}
        lines = [f"{name}={value}" for name, value in operator.environment.items()]
        for name in ("local.env", "qa1.env"):
            (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        yield operator


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_a_commands_help_can_be_run_as_they_stand(there: Operator, command: str) -> None:
    told = there(command, "--help", env={"COLUMNS": "200"})
    examples = [line.strip() for line in told.out.partition("Examples:")[2].splitlines() if line.strip()]

    assert len(examples) >= 2
    for example in examples:
        called, plugin, *arguments = shlex.split(example)
        typed = "y\n" if "--yes" not in arguments else None  # where they ask, somebody agrees
        done = there(*arguments, typed=typed)
        assert (called, plugin, arguments[0]) == ("workers", "dmnd", command)
        assert done.code == 0, f"{example}: {done.err}"


def test_the_plugins_help_lists_its_commands(operator: Operator) -> None:
    told = operator("--help")

    assert told.code == 0
    assert all(f" {command} " in told.out for command in COMMANDS)
