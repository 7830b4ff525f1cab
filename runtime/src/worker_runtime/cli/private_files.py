"""What a stage writes holds people's data: its files are for their owner alone."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHERS: Final = 0o077


@contextmanager
def private_files() -> Iterator[None]:
    """Have this process and its children make files and folders for their owner alone inside the block."""
    former = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(former)
