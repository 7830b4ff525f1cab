"""The plugin's README names what there is: settings, commands, workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from worker_runtime import Settings
from worker_runtime.catalogue import installed
from workers_dmnd.local.cli import groups
from workers_dmnd.local.demos import SCENARIOS
from workers_dmnd.settings import DemandSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
README = (ROOT / "plugins/dmnd/README.md").read_text(encoding="utf-8")


def settings_of(model: Any, *, above: str = "") -> Iterator[str]:
    """List the settings of a model by the words that files have for them: ``http.sms.baseUrl``."""
    for field in msgspec.structs.fields(model):
        path = f"{above}{field.encode_name}"
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            yield from settings_of(field.type, above=f"{path}.")
        else:
            yield path


@pytest.mark.parametrize("setting", list(settings_of(DemandSettings)))
def test_the_readme_tells_every_setting(setting: str) -> None:
    group, _, name = setting.rpartition(".")

    assert f"`{setting}`" in README or any(
        f"`{group}." in line and f"`.{name}`" in line for line in README.splitlines()
    )


def test_the_readme_tells_every_worker_and_every_command() -> None:
    workers = [name for name in installed().workers if name.startswith("dmnd.")]
    commands = [each.name for group in groups() for each in group.registered_commands]

    assert all(f"| `{worker}` |" in README for worker in workers)
    assert all(f"| `{command}" in README for command in commands)


def test_the_projects_readme_tells_every_job_that_can_be_watched() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [each.name for each in SCENARIOS if f"| `{each.name}` |" not in readme] == []
