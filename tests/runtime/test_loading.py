"""From an id to a worker that is ready to run, and all that may be wrong with a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from imported import import_path
from installed import PLUGINS, WORKERS, Site
from wording import says
from worker_runtime import Environment
from worker_runtime.catalogue import scan
from worker_runtime.errors import (
    AmbiguousWorker,
    BrokenPlugin,
    DuplicateWorker,
    Halt,
    IncompatiblePlugin,
    LoadError,
    ServiceCycle,
    ServiceMissing,
    UnrecognisedEvent,
)
from worker_runtime.loading import LoadedWorker, load
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, change, sqs_event, table_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SHIPPING = """
    from worker_runtime import Environment, Invocation, Metrics, Sqs, Stack, TableStream, worker
    from shop_things.services import Shipping

    @worker(
        Sqs("orders", dead_letters="orders-dlq"),
        Sqs("late-orders", dead_letters="orders-dlq"),
        stack=Stack("shop"),
    )
    def ship_order(
        order: dict[str, str],
        *,
        shipping: Shipping,
        metrics: Metrics,
        invocation: Invocation,
        environment: Environment,
    ) -> None:
        \"\"\"Ship an order.\"\"\"
        shipping.ship(order["id"], left_s=invocation.remaining_s, at=environment.environment_tag)
        metrics.count("Shipped")
"""
TICKING = """
    from worker_runtime import Schedule, Stack, worker
    from shop_things.services import Shipping

    @worker(Schedule("rate(1 day)"), stack=Stack("shop"))
    def ship_daily(*, shipping: Shipping) -> dict[str, int]:
        \"\"\"Ship what is due.\"\"\"
        shipping.ship("daily")
        return {"shipped": 1}
"""
SERVICES = """
    from worker_runtime import Settings

    class ShopSettings(Settings):
        carrier: str = "bike"

    class Shipping:
        carrier = "nobody"
        shipped: list[tuple[object, ...]] = []
        def ship(self, order_id: str, **how: object) -> None:
            self.shipped.append((self.carrier, order_id, how))
"""
PLUGIN = """
    from worker_runtime import hookimpl, provide
    from shop_things.services import Shipping, ShopSettings

    WORKER_API = (1, 0)

    @hookimpl
    def settings():
        return ShopSettings

    @hookimpl
    def services():
        return [shipping]

    @provide
    def shipping(settings: ShopSettings) -> Shipping:
        made = Shipping()
        made.carrier = settings.carrier
        return made
"""
REGISTERED = {"shop.shipOrder": "shop_things.shipping:ship_order"}
QA = Environment(environment_tag="qa1", region="us-east-1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with import_path(tmp_path):
        yield Site(tmp_path)


def install_shop(
    site: Site,
    *,
    plugin: str = PLUGIN,
    services: str = SERVICES,
    workers: Mapping[str, str] = REGISTERED,
) -> None:
    modules = {"__init__": "", "plugin": plugin, "services": services, "shipping": SHIPPING}
    modules["ticking"] = TICKING
    site.install(
        "workers-shop",
        files={f"shop_things/{name}.py": source for name, source in modules.items()},
        entry_points={WORKERS: workers, PLUGINS: {"shop": "shop_things.plugin"}},
        version="1.2.3",
    )


def install_company(site: Site, source: str) -> None:
    site.install(
        "workers-company", files={"company.py": source}, entry_points={PLUGINS: {"company": "company"}}
    )


def shipped() -> list[Any]:
    """What the worker has shipped, as its plugin saw it."""
    listed: list[Any] = import_module("shop_things.services").Shipping.shipped
    return listed


def loaded(name: str = "shop.shipOrder", *, environment: Environment = QA) -> LoadedWorker:
    return load(name, environment=environment, catalogue=scan())


def test_a_loaded_worker_knows_where_it_comes_from_and_names_it_in_every_log_line(site: Site) -> None:
    install_shop(site)
    ready = loaded()

    assert (ready.id, ready.plugin, ready.distribution, ready.version) == (
        "shop.shipOrder",
        "shop",
        "workers-shop",
        "1.2.3",
    )
    assert ready.log_fields(QA) == {
        "service": "shop",
        "worker": "shop.shipOrder",
        "plugin_version": "1.2.3",
        "runtime_version": scan().runtime,
        "env": "qa1",
        "region": "us-east-1",
    }
    assert scan().runtime.count(".") == 2


def test_a_worker_is_given_its_plugin_s_services_and_the_runtime_s_own(site: Site) -> None:
    install_shop(site)
    ready = loaded()

    reply = run(ready, sqs_event({"id": "o-1"}), context=Context(remaining_s=30), sender=RecordingSender())

    assert reply == {"batchItemFailures": []}
    ((carrier, order_id, how),) = shipped()
    assert (carrier, order_id, how["at"]) == ("bike", "o-1", "qa1")
    assert 29 < how["left_s"] <= 30


def test_a_bare_name_is_accepted_while_it_is_unique(site: Site) -> None:
    install_shop(site)

    assert loaded("shipOrder").id == "shop.shipOrder"


def test_a_bare_name_that_two_plugins_have_lists_both(site: Site) -> None:
    install_shop(site, workers={**REGISTERED, "depot.shipOrder": "shop_things.shipping:ship_order"})

    with pytest.raises(
        AmbiguousWorker, match=says("shipOrder is in depot.shipOrder and shop.shipOrder; say which.")
    ):
        loaded("shipOrder")


def test_one_id_from_two_distributions_is_an_error(site: Site) -> None:
    install_shop(site)
    site.install("workers-rival", files={}, entry_points={WORKERS: REGISTERED}, version="1.2.3")

    with pytest.raises(
        DuplicateWorker,
        match=r"^shop\.shipOrder is claimed by workers-\w+ 1\.2\.3 and workers-\w+ 1\.2\.3; uninstall one\.$",
    ):
        loaded()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "",
            "workers-shop 1.2.3 does not state its WORKER_API; say WORKER_API = (1, 0) in ~",
        ),
        ("WORKER_API = 1", "workers-shop 1.2.3 does not state its WORKER_API; ~"),
        (
            "WORKER_API = (2, 0)",
            "workers-shop 1.2.3 needs API 2.0, this is 1.0; ~ another version of the plugin.",
        ),
        (
            "WORKER_API = (1, 1)",
            "workers-shop 1.2.3 needs API 1.1, this is 1.0; install a worker-runtime of ~",
        ),
        ("WORKER_API = (0, 9)", "workers-shop 1.2.3 needs API 0.9, this is 1.0; ~"),
    ],
)
def test_a_plugin_for_another_runtime_is_named(site: Site, statement: str, expected: str) -> None:
    install_shop(site, plugin=PLUGIN.replace("WORKER_API = (1, 0)", statement))

    with pytest.raises(IncompatiblePlugin, match=says(expected)):
        loaded()


LISTS = "plugin shop: services() must list what provide(factory) makes."
BREAKS = [
    ("def services():", "def servises():", "plugin shop_things.plugin: unknown hook 'servises' in plugin ~"),
    ("def services():", "def services(aws):", "plugin shop_things.plugin: ~aws~"),
    ("return [shipping]", "return None", LISTS),
    ("return [shipping]", "return [Shipping]", LISTS),
    (
        "return [shipping]",
        "return [shipping, shipping]",
        "plugin shop provides ['Shipping'] twice; two services need two types.",
    ),
    ("return [shipping]", "raise KeyError('x')", "plugin shop: services() raised KeyError: 'x'"),
    (
        "return ShopSettings",
        "return dict",
        "plugin shop: settings() must return a class derived from Settings.",
    ),
    (
        "WORKER_API = (1, 0)",
        "WORKER_API = (1, 0)\n    middleware = hookimpl(lambda: [len], specname='middleware')",
        "plugin shop: middleware() must return a list of Middleware(...).",
    ),
    ("WORKER_API = (1, 0)", "raise OSError('no')", "workers-shop 1.2.3: shop_things.plugin: OSError: no"),
    (
        "WORKER_API = (1, 0)",
        "import nowhere",
        "workers-shop 1.2.3: shop_things.plugin: ModuleNotFoundError: ~",
    ),
]


@pytest.mark.parametrize(("sound", "broken", "expected"), BREAKS, ids=[each[1] for each in BREAKS])
def test_a_broken_plugin_is_named_and_how_it_is_broken(
    site: Site, sound: str, broken: str, expected: str
) -> None:
    install_shop(site, plugin=PLUGIN.replace(sound, broken))

    with pytest.raises(BrokenPlugin, match=says(expected)):
        loaded()


def test_what_a_worker_asks_for_is_checked_before_the_first_event(site: Site) -> None:
    install_shop(site, plugin=PLUGIN.replace("return [shipping]", "return []"))

    with pytest.raises(
        ServiceMissing,
        match=says("shop.shipOrder(shipping) asks for Shipping, which nobody provides; ~Environment, ~"),
    ):
        loaded()


def test_services_in_a_ring_are_named(site: Site) -> None:
    install_shop(site, plugin=PLUGIN.replace("(settings: ShopSettings)", "(settings: Shipping)"))

    with pytest.raises(ServiceCycle, match=says("Shipping -> Shipping: services that need each other; ~")):
        loaded()


def test_an_entry_point_that_is_no_worker_is_named(site: Site) -> None:
    install_shop(site, workers={"shop.shipOrder": "shop_things.services:Shipping"})

    with pytest.raises(
        BrokenPlugin,
        match=says(
            "shop.shipOrder: shop_things.services:Shipping is ~, not a worker; put @worker(...) on it."
        ),
    ):
        loaded()


def test_a_worker_whose_plugin_is_not_registered_says_where_to_register_it(site: Site) -> None:
    install_shop(site, workers={"depot.shipOrder": "shop_things.shipping:ship_order"})

    with pytest.raises(
        BrokenPlugin,
        match=says(
            "no distribution has the plugin 'depot'; "
            'add it to [project.entry-points."worker_runtime.plugins"].'
        ),
    ):
        loaded("depot.shipOrder")


def test_a_broken_neighbour_breaks_nobody_else(site: Site) -> None:
    install_company(site, "raise SystemError('broken')")
    install_shop(site, workers={**REGISTERED, "shop.other": "nowhere:nothing"})

    assert loaded().id == "shop.shipOrder"


COMPANY = """
    from worker_runtime import Middleware, hookimpl, provide
    from shop_things.services import Shipping

    WORKER_API = (1, 0)
    seen = []

    def around(call_next):
        def invoke(event):
            seen.append("company")
            return call_next(event)
        return invoke

    @hookimpl
    def middleware():
        return [Middleware("audit", around_invocation=around)]

    @hookimpl
    def services():
        return [shipping]

    @provide
    def shipping() -> Shipping:
        made = Shipping()
        made.carrier = "the company's"
        return made
"""
INNER = """

    from worker_runtime import Middleware
    import company

    def around(call_next):
        def invoke(event):
            company.seen.append("shop")
            return call_next(event)
        return invoke

    @hookimpl
    def middleware():
        return [Middleware("count", around_invocation=around, inside=("audit",))]
"""


def test_a_company_wide_plugin_stands_outermost_and_the_worker_s_own_wins(site: Site) -> None:
    install_company(site, COMPANY)
    install_shop(site, plugin=PLUGIN + INNER)
    ready = loaded(environment=Environment(plugins=("company", "company")))

    run(ready, sqs_event({"id": "o-1"}), context=Context(), sender=RecordingSender())

    assert import_module("company").seen == ["company", "shop"]
    assert [carrier for carrier, *_ in shipped()] == ["bike"]


def test_middleware_that_stands_outside_what_it_needs_is_refused(site: Site) -> None:
    install_shop(site, plugin=PLUGIN + INNER.replace("import company", ""))

    with pytest.raises(
        BrokenPlugin, match=says("middleware 'count' must stand inside ['audit']; list those before it.")
    ):
        loaded()


def test_worker_plugins_that_nobody_has_installed_are_named(site: Site) -> None:
    install_shop(site)

    with pytest.raises(LoadError, match="no distribution has the plugin 'company'"):
        loaded(environment=Environment(plugins=("company",)))


def test_settings_that_do_not_fit_halt_the_worker_instead_of_losing_its_records(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    install_shop(site, services=SERVICES.replace('carrier: str = "bike"', "carrier: str"))
    ready = loaded()
    sender = RecordingSender()
    event = sqs_event({"id": "o-1"})

    reply = run(ready, event, context=Context(), sender=sender)

    assert reply == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert sender.hidden == {"receipt-0": 900}
    assert "a service of ship_order could not be made; its records wait" in caplog.text
    assert "settings of shop (dev): Object missing required field `carrier`" in caplog.text


def test_a_worker_that_takes_nothing_is_given_its_services(site: Site) -> None:
    install_shop(site, workers={"shop.tick": "shop_things.ticking:ship_daily"})

    reply = run(loaded("shop.tick"), {}, context=Context(), sender=RecordingSender())

    assert reply == {"shipped": 1}
    assert [order_id for _, order_id, _ in shipped()] == ["daily"]


def test_a_worker_that_takes_nothing_halts_without_its_services(site: Site) -> None:
    services = SERVICES.replace('carrier: str = "bike"', "carrier: str")
    install_shop(site, services=services, workers={"shop.tick": "shop_things.ticking:ship_daily"})

    with pytest.raises(Halt, match="a service could not be made: SettingsError: "):
        run(loaded("shop.tick"), {}, context=Context(), sender=RecordingSender())


@pytest.mark.parametrize(
    ("event", "outline"),
    [
        (table_event(change(new={"PK": "1"})), "a batch of 'aws:dynamodb'"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "a batch of 'aws:sns'"),
        ({"detail": {}, "source": "x"}, "an object with the keys ['detail', 'source']"),
        ([1], "a JSON list"),
        (None, "nothing"),
        ({}, "an empty object"),
    ],
)
def test_an_event_that_no_source_recognises_is_refused_by_its_shape_alone(
    site: Site, event: Any, outline: str
) -> None:
    install_shop(site)
    ready = loaded()

    with pytest.raises(
        UnrecognisedEvent,
        match=says(f"shop.shipOrder takes sqs orders, sqs late-orders; this event is {outline}."),
    ):
        run(ready, event, context=Context(), sender=RecordingSender())


@pytest.mark.parametrize("queue", ["orders", "late-orders"])
def test_the_arn_breaks_a_tie_between_two_queues(site: Site, queue: str) -> None:
    install_shop(site)
    ready = loaded()

    assert ready.route(sqs_event({}, queue=f"prd-qa1-{queue}")).source.name == queue


def test_an_event_of_a_queue_that_is_not_declared_goes_to_the_first_of_its_shape(site: Site) -> None:
    install_shop(site)
    ready = loaded()

    assert ready.route(sqs_event({}, queue="renamed")).source.name == "orders"
