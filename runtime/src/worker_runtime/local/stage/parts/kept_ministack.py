"""MiniStack that writes its state when it ends and goes on from it: ``python -m ...kept_ministack``.

MiniStack itself writes what its services hold when it is asked to end, but for the records of
tables' streams; they are written here. ``IN_ORDER`` beside them says that all was written: while it
is missing, what MiniStack held in memory is lost. Where to write is ``STATE_DIR``, as for MiniStack.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BEGUN: Final = "begun"
IN_ORDER: Final = "ended-in-order"

_STREAMS: Final = "dynamodb_stream_records"


def run(folder: Path) -> None:
    """Serve until SIGTERM, on from what is in ``folder``, and write all to it in the end."""
    from ministack.app import main  # noqa: PLC0415 - heavy, and this module's names are wanted without
    from ministack.core.persistence import load_state, save_state  # noqa: PLC0415
    from ministack.services import dynamodb  # noqa: PLC0415

    kept = load_state(_STREAMS) or {}
    dynamodb._stream_records.update(kept.get("records", {}))  # noqa: SLF001 - pinned, held by a contract test
    dynamodb._stream_trimmed.update(kept.get("trimmed", {}))  # noqa: SLF001
    (folder / BEGUN).touch()
    (folder / IN_ORDER).unlink(missing_ok=True)
    try:
        main()
    finally:
        held = {"records": dynamodb._stream_records, "trimmed": dynamodb._stream_trimmed}  # noqa: SLF001
        save_state(_STREAMS, held)
        (folder / IN_ORDER).touch()


def was_lost(folder: Path) -> bool:
    """Whether a MiniStack that began here did not write its state."""
    return (folder / BEGUN).exists() and not (folder / IN_ORDER).exists()


if __name__ == "__main__":
    run(Path(os.environ["STATE_DIR"]))
