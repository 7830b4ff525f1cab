"""The sources in the runtime's README: its table of them, and the examples below it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parents[1] / "runtime/README.md"
_BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| \[`(\w+)`\]\(#([\w-]+)\)")


class Row(NamedTuple):
    """One line of the table, as far as it says what code says too."""

    source: str
    anchor: str
    kind: str
    taken_as: str
    order: str
    verdicts: str


def rows() -> list[Row]:
    """Read the table."""
    lines = README.read_text(encoding="utf-8").splitlines()
    return [_row(found, line) for line in lines if (found := _ROW.match(line))]


def blocks() -> list[tuple[str, str, int]]:
    """List what is Python in it: (python or pycon, text, line), in order."""
    text = README.read_text(encoding="utf-8")
    return [(each[1], each[2], text.count("\n", 0, each.start(2))) for each in _BLOCK.finditer(text)]


def workers_module() -> str:
    """Write all its workers as one module."""
    return "\n\n".join(text for language, text, _ in blocks() if language == "python")


def anchors() -> set[str]:
    """List what its headings may be linked by."""
    headings = re.findall(r"^#+ (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def _row(found: re.Match[str], line: str) -> Row:
    _, _, kind, _, taken_as, order, verdicts, *_ = (cell.strip() for cell in line.split("|"))
    return Row(found[1], found[2], kind.strip("`"), taken_as, order, verdicts)
