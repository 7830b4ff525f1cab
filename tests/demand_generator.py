"""The generator of notifications over the demand table in memory, with all that it asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from demand_table import FakeEvents, FakeGenerated, FakeRecipients, FakeSales, FakeTable
from worker_runtime import Environment, Invocation, Metrics, clock
from workers_dmnd.extensions import PublishesNothing
from workers_dmnd.generating import Generated, generate_notifications
from workers_dmnd.keys import sale_keys
from workers_dmnd.models import Audience, Campaign, GeneratorInput
from workers_dmnd.policy import NotificationPolicy

if TYPE_CHECKING:
    from worker_runtime import Verdict
    from workers_dmnd.services import Events, GeneratedNotifications, Recipients, Sales

Item = dict[str, Any]


class AnInvocation(Invocation):
    """An invocation by its id, with so much time left of the clock's."""

    def __init__(self, request_id: str = "r1", *, remaining_s: float = 300) -> None:
        self._request_id = request_id
        self._ends_at = clock.now() + remaining_s

    @property
    def request_id(self) -> str:
        return self._request_id

    @property
    def remaining_s(self) -> float:
        return self._ends_at - clock.now()


class FakeLinks:
    """Makes a link of a URL's last part, or raises what it is told to."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict = verdict
        self.asked = 0

    def shorten(self, url: str) -> str:
        self.asked += 1
        if self.verdict is not None:
            raise self.verdict
        return "https://bit.ly/" + url.rpartition("/")[2]


class FakeCampaigns:
    """Campaigns by id, or what asking for one raises."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.by_id: dict[str, Campaign] = {}
        self.verdict = verdict

    def find(self, campaign_id: str) -> Campaign | None:
        if self.verdict is not None:
            raise self.verdict
        return self.by_id.get(campaign_id)

    def put(self, campaign_id: str, *, locales: tuple[str, ...] | None = None) -> None:
        self.by_id[campaign_id] = Campaign(campaign_id, audience=Audience(locales))


def a_due_sale(*, fans: int, chunk_size: int) -> Generator:
    """Make a generator that has one sale to do, of an event that has a link."""
    generator = Generator(chunk_size=chunk_size)
    generator.table.put_event(shortUrl="https://bit.ly/e1", startsAt="2026-05-01T20:00:00.000Z")
    generator.put_due()
    generator.put_fans(fans)
    return generator


class Generator:
    """Runs the worker; ``chunk_size`` is of its policy, the rest of what it does is in ``table``."""

    def __init__(self, table: FakeTable | None = None, *, chunk_size: int = 10) -> None:
        self.table = table or FakeTable()
        self.links = FakeLinks()
        self.campaigns = FakeCampaigns()
        self.sales: Sales = FakeSales(self.table)
        self.events: Events = FakeEvents(self.table)
        self.recipients: Recipients = FakeRecipients(self.table)
        self.generated: GeneratedNotifications = FakeGenerated(self.table)
        self.policy = replace(NotificationPolicy(), chunk_size=chunk_size)
        self.metrics = Metrics(plugin="dmnd", worker="dmnd.test", environment=Environment())

    def put_due(self, sale_id: str = "s1", **changed: Any) -> None:
        """Put a sale that is due."""
        self.table.put_sale(sale_id, **{"generation": {"id": "DUE"}, **changed})

    def put_fans(self, count: int, *, sale_id: str = "s1") -> None:
        """Put fans who want to be told: ``u000`` and so on."""
        for at in range(count):
            self.table.put_demand(f"u{at:03}", sale_id=sale_id)

    def use_chunks_of(self, size: int) -> None:
        """Use chunks of another size from now on."""
        self.policy = replace(self.policy, chunk_size=size)

    def run(
        self, sale_id: str | None = None, *, invocation: AnInvocation | None = None, event_id: str = "e1"
    ) -> Generated:
        """Make a tick, or ask for one sale."""
        return generate_notifications(
            GeneratorInput() if sale_id is None else GeneratorInput(event_id, sale_id),
            sales=self.sales,
            events=self.events,
            campaigns=self.campaigns,
            links=self.links,
            publisher=PublishesNothing(),
            recipients=self.recipients,
            notifications=self.generated,
            policy=self.policy,
            invocation=invocation or AnInvocation(),
            metrics=self.metrics,
        )

    def sale(self, sale_id: str = "s1") -> Item:
        """Return a sale's item."""
        item = self.table.item(sale_keys("e1", sale_id))
        assert item is not None
        return item

    def generation(self, sale_id: str = "s1") -> Item:
        """Return how far a sale is."""
        found: Item = self.sale(sale_id)["generation"]
        return found

    def notifications(self, sale_id: str = "s1") -> dict[str, Item]:
        """Return a sale's notifications by fan; there must not be two of one."""
        found = [item for item in self.table.items("notification") if item["saleId"] == sale_id]
        by_fan = {item["userId"]: item for item in found}
        assert len(by_fan) == len(found)
        return by_fan

    def measured(self) -> Item:
        """Return what was counted since it was last asked for."""
        line = self.metrics.flush()
        read: Item = {} if line is None else json.loads(line)
        return {name: value for name, value in read.items() if name[0].isupper()}
