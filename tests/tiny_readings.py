"""A third-party plugin for tests of the stage: readings of meters come over a Kinesis stream into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installed import Site

WORKER = '''
"""Readings in, the newest of each meter out."""

from msgspec import Struct

from worker_runtime import Kinesis, Record, Reject, Stack, puts, worker
from meter_things.services import Meters


class Reading(Struct):
    meter: str
    at: int
    do: str = ""


@worker(
    Kinesis("readings", batch_size=10, dead_letters="readings-dlq", on_failure="continue", retries=3,
            filters=({"data": {"meter": [{"exists": True}]}},)),
    stack=Stack("meter"),
    grants=(puts("meters"),),
    timeout_s=60,
)
def work(reading: Record[Reading], *, meters: Meters) -> None:
    """Note a reading."""
    if reading.body.do == "reject":
        raise Reject("REFUSED", "as asked")
    if reading.body.do == "fail":
        raise RuntimeError("as asked")
    meters.note(reading.body.meter, reading.body.at, sent_at=reading.sent_at.timestamp())
'''

PLUGIN = '''
"""Who serves the worker."""

from worker_runtime import Environment, hookimpl, provide
from worker_runtime.clients.dynamodb import Table
from meter_things.services import Meters

WORKER_API = (1, 0)


class MeterTable:
    def __init__(self, table):
        self._table = table

    def note(self, meter, at, *, sent_at):
        self._table.put({"PK": f"{meter}-{at}", "sent_at": str(sent_at)})


@provide
def meters(environment: Environment) -> Meters:
    """Note in DynamoDB."""
    return MeterTable(Table(environment.named("table", "meters")))


@hookimpl
def services():
    """Offer it."""
    return [meters]
'''

SERVICES = '''
"""What the worker asks for."""

from typing import Protocol


class Meters(Protocol):
    def note(self, meter: str, at: int, *, sent_at: float) -> None: ...
'''

LOCAL = '''
"""What others own."""

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideTable


@hookimpl
def stand_ins():
    """Offer the table."""
    return [OutsideTable(name="meters", range_key=None)]
'''


def install_readings(site: Site) -> None:
    """Install the plugin; its stack is ``meter``, its worker ``meter.work``."""
    site.install_plugin("meter", worker=WORKER, hooks=PLUGIN, local=LOCAL, files={"services.py": SERVICES})
