"""What tests of several parts share."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from installed import Site

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")  # a neighbour makes a test slow, not wrong
settings.register_profile("again", max_examples=20)  # where all was tried by another Python before


def pytest_configure() -> None:
    """Take the signals that background jobs ignore: tests interrupt what they start."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: none of them is the last one, at which all others wait."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Escape text that cannot be sent between test processes, a lone surrogate."""
    if isinstance(val, str) and not val.isascii():
        return val.encode("unicode_escape").decode()
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape the same in what a test printed and logged."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture
def installed_plugin(tmp_path: Path) -> Site:
    """Give a folder to install third-party plugins into, for PYTHONPATH."""
    return Site(tmp_path / "site")
