"""The worker index: entry points written down when a layer is built, so that no cold start scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from worker_runtime.catalogue import INDEX_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from worker_runtime.catalogue import Catalogue


def write_index(folder: Path, catalogue: Catalogue) -> Path:
    """Write the index of ``catalogue`` into the folder that holds the ``worker_runtime`` package.

    Local hooks are left out: people's tools are never in a layer.
    """
    file = folder / INDEX_FILE
    leaned = replace(catalogue, local={})
    file.write_bytes(msgspec.json.format(msgspec.json.encode(leaned, order="deterministic")))
    return file
