"""A third-party plugin for tests of the stage: a Kafka topic's parcels come into a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installed import Site

WORKERS = '''
"""Parcels in, where each was seen out."""

import os

from msgspec import Struct

from worker_runtime import Kafka, Record, Reject, Retry, Stack, puts, worker
from parcel_things.services import Sightings

PARCELS = Stack("parcels")


class Parcel(Struct):
    id: str
    do: str = ""


@worker(
    Kafka("parcels", cluster="shop", pollers=(2, 4), partial_replies=True, bisect=True, retries=3,
          batch_size=10, start="TRIM_HORIZON", dead_letters="parcels-dlq",
          filters=({"value": {"id": [{"exists": True}]}},)),
    stack=PARCELS,
    grants=(puts("sightings"),),
    timeout_s=60,
)
def follow(parcel: Record[Parcel], *, sightings: Sightings) -> None:
    """Note a parcel."""
    match parcel.body.do:
        case "reject":
            raise Reject("REFUSED", "as asked")
        case "fail":
            raise RuntimeError("as asked")
        case "fail once" if sightings.is_new(parcel.body.id):
            raise Retry
        case "fail five times" if any(sightings.is_new(f"{parcel.body.id} {n}") for n in range(5)):
            raise RuntimeError("as asked")
        case "vanish" if sightings.is_new(parcel.body.id):
            os._exit(1)
        case "always vanish":
            os._exit(1)
    sightings.note(parcel.body.id, sent_at=parcel.sent_at.timestamp(), place=parcel.id)


@worker(
    Kafka("returns", start="TRIM_HORIZON", dead_letters="returns-dlq"),
    stack=PARCELS,
    grants=(puts("sightings"),),
    timeout_s=60,
)
def take_back(parcel: Record[Parcel], *, sightings: Sightings) -> None:
    """Note a parcel that comes back; one failure repeats the batch."""
    if parcel.body.do == "reject":
        raise Reject("REFUSED", "as asked")
    if parcel.body.do == "fail once" and sightings.is_new(parcel.body.id):
        raise Retry
    sightings.note(parcel.body.id, sent_at=parcel.sent_at.timestamp(), place=parcel.id)


@worker(
    Kafka("arrivals", dead_letters="returns-dlq"),
    stack=PARCELS,
    grants=(puts("sightings"),),
    timeout_s=60,
)
def arrive(parcel: Record[Parcel], *, sightings: Sightings) -> None:
    """Note a parcel that arrives from now on."""
    sightings.note(parcel.body.id, sent_at=parcel.sent_at.timestamp(), place=parcel.id)
'''

PLUGIN = '''
"""Who serves the workers."""

from worker_runtime import Environment, hookimpl, provide
from worker_runtime.clients.dynamodb import Table
from parcel_things.services import Sightings

WORKER_API = (1, 0)


class SightingTable:
    def __init__(self, table):
        self._table = table

    def note(self, key, *, sent_at, place):
        self._table.put({"PK": key, "sent_at": str(sent_at), "place": place})

    def is_new(self, key):
        return self._table.put({"PK": f"try of {key}"}, condition="attribute_not_exists(#PK)")


@provide
def sightings(environment: Environment) -> Sightings:
    """Note in DynamoDB."""
    return SightingTable(Table(environment.named("table", "sightings")))


@hookimpl
def services():
    """Offer it."""
    return [sightings]
'''

SERVICES = '''
"""What the workers ask for."""

from typing import Protocol


class Sightings(Protocol):
    def note(self, key: str, *, sent_at: float, place: str) -> None: ...

    def is_new(self, key: str) -> bool: ...
'''

LOCAL = '''
"""What others own."""

from worker_runtime import hookimpl
from worker_runtime.local.offers import OutsideTable


@hookimpl
def stand_ins():
    """Offer the table."""
    return [OutsideTable(name="sightings", range_key=None)]
'''


def install_parcels(site: Site) -> None:
    """Install the plugin; its stack is ``parcels``, its workers ``parcel.follow``, ``parcel.takeBack`` and
    ``parcel.arrive``.
    """
    site.install(
        "workers-parcel",
        files={
            "parcel_things/__init__.py": "",
            "parcel_things/work.py": WORKERS,
            "parcel_things/services.py": SERVICES,
            "parcel_things/plugin.py": PLUGIN,
            "parcel_things/local.py": LOCAL,
        },
        entry_points={
            "worker_runtime.workers": {
                "parcel.follow": "parcel_things.work:follow",
                "parcel.takeBack": "parcel_things.work:take_back",
                "parcel.arrive": "parcel_things.work:arrive",
            },
            "worker_runtime.plugins": {"parcel": "parcel_things.plugin"},
            "worker_runtime.local": {"parcel": "parcel_things.local"},
        },
    )
