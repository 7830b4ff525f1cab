"""What is installed: found by scanning, or in the index that a layer carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from imported import import_path
from installed import PLUGINS, WORKERS, Site
from wording import says
from worker_runtime.catalogue import Catalogue, Entry, scan
from worker_runtime.errors import AmbiguousWorker, BrokenPlugin, DuplicateWorker, UnknownWorker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHIP = Entry("shop_things.shipping:ship_order", "workers-shop", "1.2.3")
RIVAL = Entry("rival_things:ship_order", "workers-rival", "0.9")


def catalogue(**workers: list[Entry]) -> Catalogue:
    named = {name.replace("__", "."): entries for name, entries in workers.items()}
    return Catalogue(workers=named, plugins={"shop": [SHIP]}, local={})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with import_path(tmp_path):
        yield Site(tmp_path)


def test_an_entry_point_becomes_an_entry_with_its_distribution_and_version(site: Site) -> None:
    registered = {WORKERS: {"shop.shipOrder": SHIP.value}, PLUGINS: {"shop": "shop_things.plugin"}}
    site.install("workers-shop", files={}, entry_points=registered, version="1.2.3")

    found = scan()

    assert found.worker("shop.shipOrder") == SHIP
    assert found.plugin("shop") == Entry("shop_things.plugin", "workers-shop", "1.2.3")


def test_scanning_imports_nothing(site: Site) -> None:
    registered = {WORKERS: {"shop.shipOrder": "shop_things:ship"}}
    site.install("workers-shop", files={"shop_things.py": "raise SystemExit"}, entry_points=registered)

    assert "shop.shipOrder" in scan().workers


def test_a_catalogue_survives_being_written_down() -> None:
    written = msgspec.json.encode(catalogue(shop__shipOrder=[SHIP]))

    assert msgspec.json.decode(written, type=Catalogue) == catalogue(shop__shipOrder=[SHIP])


@pytest.mark.parametrize("name", ["shop.shipOrder", "shipOrder"])
def test_a_worker_is_found_by_its_id_and_by_its_bare_name(name: str) -> None:
    assert catalogue(shop__shipOrder=[SHIP]).find(name) == "shop.shipOrder"


def test_a_bare_name_of_two_workers_lists_the_candidates() -> None:
    both = catalogue(shop__shipOrder=[SHIP], depot__shipOrder=[RIVAL])

    with pytest.raises(
        AmbiguousWorker, match=says("shipOrder is in depot.shipOrder and shop.shipOrder; say which.")
    ):
        both.find("shipOrder")


@pytest.mark.parametrize("name", ["packOrder", "", "shop", "shop."])
def test_an_unknown_worker_is_told_with_what_there_is(name: str) -> None:
    with pytest.raises(
        UnknownWorker, match=says(f"no installed plugin has the worker {name!r}. Installed: shop.shipOrder.")
    ):
        catalogue(shop__shipOrder=[SHIP]).find(name)


@pytest.mark.parametrize("name", ["shipOder", "SHOP.shipOrder", "shop.shiporder", "depot.shipOrders"])
def test_a_worker_whose_name_is_almost_this_is_offered(name: str) -> None:
    several = catalogue(shop__shipOrder=[SHIP], shop__packParcel=[SHIP])

    with pytest.raises(UnknownWorker, match=says("~. Did you mean shop.shipOrder? Installed: ~")):
        several.find(name)


def test_where_nothing_is_installed_the_error_says_so() -> None:
    with pytest.raises(UnknownWorker, match=says("~Installed: none; install a plugin.")):
        catalogue().find("shipOrder")


def test_an_id_that_two_distributions_claim_names_both() -> None:
    with pytest.raises(
        DuplicateWorker,
        match=says("shop.shipOrder is claimed by workers-rival 0.9 and workers-shop 1.2.3; uninstall one."),
    ):
        catalogue(shop__shipOrder=[SHIP, RIVAL]).worker("shop.shipOrder")


def test_a_plugin_that_is_not_there_says_where_it_is_registered() -> None:
    with pytest.raises(
        BrokenPlugin, match=says("no distribution has the plugin 'depot'; add it to ~plugins\"].")
    ):
        catalogue().plugin("depot")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "nowhere:nothing",
            "workers-shop 1.2.3: nowhere:nothing: ~'nowhere'; ~or `pip uninstall workers-shop`.",
        ),
        ("json:nothing", "workers-shop 1.2.3: json:nothing: AttributeError: ~'nothing'"),
        ("unsayable:x", "workers-shop 1.2.3: unsayable:x: Unsayable: Unsayable, which cannot say more"),
    ],
)
def test_what_cannot_be_imported_is_told_with_its_distribution(site: Site, value: str, expected: str) -> None:
    source = """
        class Unsayable(Exception):
            def __str__(self):
                raise self
        raise Unsayable
    """
    site.install("workers-shop", files={"unsayable.py": source}, entry_points={})

    with pytest.raises(BrokenPlugin, match=says(expected)):
        Entry(value, "workers-shop", "1.2.3").load()
