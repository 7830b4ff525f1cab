"""The skeleton of a worker: its module, its model, its entry point, its test, an event to try it with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker_runtime.catalogue import WORKERS
from worker_runtime.cli.skeletons.events import event_text
from worker_runtime.cli.skeletons.names import worker_names
from worker_runtime.cli.skeletons.places import Place, find_place, find_stack
from worker_runtime.cli.skeletons.sources import SKELETONS, SourceKind, told
from worker_runtime.cli.skeletons.writing import filled, write_new
from worker_runtime.local.commands.inputs import read_text
from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from pathlib import Path

_IMPORTS_STRUCT = re.compile(r"^from msgspec import .*\bStruct\b", re.MULTILINE)
_FUTURE = "from __future__ import annotations\n"
_EMPTY_MODELS = '"""What arrives, as far as the workers read it; camelCase on the wire."""\n\n' + _FUTURE


def write_worker(
    worker_id: str, *, source: SourceKind, into: Path | None
) -> tuple[Place, list[Path], list[Path]]:
    """Write a new worker into its plugin: (where, files that are new, files that were added to)."""
    names = worker_names(worker_id)
    place = find_place(
        names["plugin"], package=names["package"], distribution=names["distribution"], into=into
    )
    names["stack_module"], names["STACK"] = find_stack(place, package=names["package"])
    names = told(source, names)
    project, models = place.folder / "pyproject.toml", place.package / "models.py"
    changed = {project: _listed(read_text(project), worker_id=worker_id, names=names, file=project)}
    if SKELETONS[source].model:
        changed[models] = _modelled(
            read_text(models) if models.exists() else _EMPTY_MODELS,
            model=filled("workers/model.py", names),
        )
    module = names["function"]
    written = write_new(
        {
            place.package / f"{module}.py": filled("workers/worker.py", names),
            place.tests / f"test_{module}.py": filled(f"workers/test_{names['test']}.py", names),
            place.events / f"{names['plugin']}_{module}.json": event_text(source, names),
        }
    )
    for file, text in changed.items():
        file.write_text(text, encoding="utf-8")
    return place, written, list(changed)


def _listed(text: str, *, worker_id: str, names: dict[str, str], file: Path) -> str:
    """Add the entry point to its table, behind the last one there."""
    if re.search(rf"^[\"']{re.escape(worker_id)}[\"']\s*=", text, re.MULTILINE):
        raise Misuse(f"{file} has the worker {worker_id} already; nothing was written.")
    line = f'"{worker_id}" = "{names["package"]}.{names["function"]}:{names["function"]}"\n'
    header = f'[project.entry-points."{WORKERS}"]\n'
    before, found, after = text.partition(header)
    if not found:
        return f"{text.rstrip()}\n\n{header}{line}"
    entries = re.match(r"(?:[^\n\[][^\n]*\n)*", after)
    end = entries.end() if entries else 0
    return before + found + after[:end] + line + after[end:]


def _modelled(text: str, *, model: str) -> str:
    """Add a model to the models, and what it is made of where that is not imported yet."""
    if not _IMPORTS_STRUCT.search(text):
        text = text.replace(_FUTURE, f"{_FUTURE}\nfrom msgspec import Struct\n", 1)
    return f"{text.rstrip()}\n\n\n{model}"
