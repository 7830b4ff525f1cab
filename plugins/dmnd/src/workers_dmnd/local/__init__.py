"""What people need of the plugin: commands, what others own on a stage, and scenarios; never in a layer."""

from __future__ import annotations

from typing import Any, cast

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideService, OutsideTable, Scenario, TableIndex
from workers_dmnd.local.bitly import TOKEN, BitlyStandIn
from workers_dmnd.local.campaign import CampaignStandIn
from workers_dmnd.local.sms import SmsStandIn

DEMAND_TABLE = OutsideTable(
    name="demand-table",
    indexes=(TableIndex("GSI1", "GSI1PK", "GSI1SK"), TableIndex("GSI2", "GSI2PK", "GSI2SK")),
)

BITLY = OutsideService(
    name="bitly",
    make=lambda clock, seed: BitlyStandIn(clock=clock, seed=seed),
    setting="http.bitly.baseUrl",
    secrets={"bitly": {"token": TOKEN}},
)

CAMPAIGN = OutsideService(
    name="campaign",
    make=lambda clock, seed: CampaignStandIn(clock=clock, seed=seed),
    setting="http.campaign.baseUrl",
)

SMS = OutsideService(
    name="sms",
    make=lambda clock, seed: SmsStandIn(clock=clock, seed=seed),
    setting="http.sms.baseUrl",
    connect=lambda stand_in, reach: cast("SmsStandIn", stand_in).connect(reach),
)


@hookimpl
def commands() -> list[Any]:
    """Add what operators do with notifications: ``workers dmnd ...``."""
    from workers_dmnd.local.cli import groups  # noqa: PLC0415 - a stage needs none of them

    return groups()


@hookimpl
def stand_ins() -> list[OutsideTable | OutsideService]:
    """Offer the demand table and the outside services."""
    return [DEMAND_TABLE, BITLY, CAMPAIGN, SMS]


@hookimpl
def scenarios() -> list[Scenario]:
    """Offer the plugin's scenarios."""
    from workers_dmnd.local.demos import SCENARIOS  # noqa: PLC0415 - a stage alone needs none

    return list(SCENARIOS)
