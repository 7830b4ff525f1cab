"""A handler's module that cannot be imported."""

from __future__ import annotations

raise RuntimeError("no configuration")
