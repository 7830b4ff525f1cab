"""The variables that lead people's commands, boto3 and ``aws`` to a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.grants import variable
from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE
from worker_runtime.local.stage.staged_workers import CONFIG_ENV
from worker_runtime.sources.table_stream import TableStream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from worker_runtime.local.stage.scenery import Scenery
    from worker_runtime.workers import Declaration


def leading_to(scenery: Scenery, *, folder: Path, declarations: Iterable[Declaration]) -> dict[str, str]:
    """Name all that is on a stage whose state is kept in ``folder``."""
    around = scenery.around
    carriers = {variable("stream", carrier) for carrier in _carriers(declarations)}
    named = scenery.names.all_variables().items()
    return {
        **{name: value for name, value in named if name not in carriers},
        **around.credentials,
        "AWS_ENDPOINT_URL": scenery.front.url,
        "AWS_REGION": around.region,
        "AWS_DEFAULT_REGION": around.region,  # the one that boto3 reads
        "CONFIG_ENV": CONFIG_ENV,
        "WORKER_CLOCK": str(around.clock),
        "WORKER_SETTINGS": str(around.settings_file),
        STATE_VARIABLE: str(folder),
        **scenery.kafka.variables(),
    }


def _carriers(declarations: Iterable[Declaration]) -> set[str]:
    """Name the streams that carry a table's changes elsewhere: here nobody could read them."""
    sources = (source for declared in declarations for source in declared.sources)
    return {source.kinesis for source in sources if isinstance(source, TableStream) and source.kinesis}
