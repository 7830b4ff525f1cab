"""What people need of the plugin: commands, what others own on a stage, a scenario; never in a layer."""

from __future__ import annotations

from typing import Any

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideSecret, OutsideTable, Scenario, TableIndex

DEMAND_TABLE = OutsideTable(
    name="demand-table",
    indexes=(TableIndex("GSI1", "GSI1PK", "GSI1SK"), TableIndex("GSI2", "GSI2PK", "GSI2SK")),
)
SALT = OutsideSecret("pipeline-hashes", {"salt": "a stage's own"})


@hookimpl
def commands() -> list[Any]:
    """Add what people do with the warehouse: ``workers pipeline ...``."""
    from workers_pipeline.local.cli import groups  # noqa: PLC0415 - a stage needs none of them

    return groups()


@hookimpl
def stand_ins() -> list[OutsideTable | OutsideSecret]:
    """Offer the demand table and the salt of hashes."""
    return [DEMAND_TABLE, SALT]


@hookimpl
def scenarios() -> list[Scenario]:
    """Offer the plugin's scenario."""
    from workers_pipeline.local.warehouse.scenario import Warehouse  # noqa: PLC0415 - a stage alone needs none

    return [Warehouse()]
