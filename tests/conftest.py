"""What tests of several parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from installed import Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installed_plugin(tmp_path: Path) -> Site:
    """Give a folder to install third-party plugins into, for PYTHONPATH."""
    return Site(tmp_path / "site")
