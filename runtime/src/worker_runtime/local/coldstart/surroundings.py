"""What a worker finds when it is started for a measurement: names, settings, an event to begin with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.loading import answers, load_plugins
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.invoke import own_event
from worker_runtime.outcomes import Family
from worker_runtime.settings import Environment
from worker_runtime.settings_files import merged_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.workers import Declaration

EMPTY_BATCH: Final[dict[str, list[Any]]] = {"Records": []}
_NOBODY_S: Final = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "coldstart")
_MADE_UP: Final = {
    "queue": "https://sqs.us-east-1.amazonaws.com/000000000000/{name}",
    "stream": "arn:aws:kinesis:us-east-1:000000000000:stream/{name}",
    "redis": "redis://127.0.0.1:1/0",
    "role": "arn:aws:iam::000000000000:role/{name}",
}


def variables_for(
    worker_id: str,
    declaration: Declaration,
    *,
    catalogue: Catalogue,
    given: Mapping[str, str],
    folder: Path,
) -> dict[str, str]:
    """Name all that the worker's services ask for; what is not ``given`` is made up, and nobody is behind it.

    A plugin's settings are merged into a file of ``folder``, as the build does.
    """
    made_up = {
        grant.variable: _MADE_UP.get(grant.kind, "{name}").format(name=grant.name.partition("/")[0])
        for grant in declaration.all_grants
    }
    variables = {**_NOBODY_S, **made_up, **given, "APP_NAME": worker_id}
    environment = Environment.read(variables)
    own = worker_id.partition(".")[0]
    plugins = load_plugins((*(name for name in environment.plugins if name != own), own), catalogue)
    merged = {
        name: merged_settings(plugins.modules[name].__package__ or "", config_env=environment.config_env)
        for name, _ in answers(plugins, "settings")
    }
    file = folder / "settings.json"
    file.write_text(json.dumps(merged), encoding="utf-8")
    return {"WORKER_SETTINGS": str(file), **variables}


def first_event(worker_id: str, declaration: Declaration) -> Any:
    """Make the event to begin with where none is given: a tick, or a batch of nothing."""
    if (tick := own_event(worker_id)) is not None:
        return tick
    batches = [source for source in declaration.sources if source.family is not Family.INVOKE]
    if any(source.recognises(EMPTY_BATCH) for source in batches):
        return EMPTY_BATCH
    raise Misuse(f"{worker_id} takes no batches; give an event with --event FILE.")
