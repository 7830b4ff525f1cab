"""The real command, in a process of its own, and plugins for it to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from command import Workers
from installed import Site
from worker_runtime.local.stage.parts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP_WORKER = '''
    """Orders in, parcels out."""

    from __future__ import annotations

    import logging

    from msgspec import Struct
    from worker_runtime import Metrics, Reject, Sqs, Stack, sends, worker

    print("imported")


    class Order(Struct):
        """An order."""

        id: str


    @worker(
        Sqs("orders", dead_letters="orders-dlq"), stack=Stack("shop"), grants=(sends("parcels"),)
    )
    def work(order: Order, *, metrics: Metrics) -> None:
        """Ship an order."""
        print("printed by the worker")
        logging.getLogger("shop").info("shipping %s", order.id)
        if order.id == "unwanted":
            raise Reject("UNWANTED")
        if order.id == "poor":
            raise ValueError("fan@example.com has no money")
'''
SHOP_LOCAL = '''
    import typer
    from worker_runtime import hookimpl

    greet = typer.Typer()


    @greet.command()
    def hello(name: str) -> None:
        """Greet a customer."""
        typer.echo(f"hello {name}")


    @greet.command()
    def stock() -> None:
        """Count what is there."""


    @hookimpl
    def commands() -> list[typer.Typer]:
        return [greet]
'''


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Workers:
    """Run the command in a home of its own."""
    return Workers(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Install a third-party plugin that works, beside one whose modules all raise."""
    site = Site(tmp_path_factory.mktemp("shop"))
    site.install_plugin("shop", worker=SHOP_WORKER, local=SHOP_LOCAL, version="2.3.4")
    crash = "raise RuntimeError('out of order')"
    site.install_plugin("crash", worker=crash, hooks=crash, local=crash)
    return site


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Serve one emulator to all tests of the command."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running
