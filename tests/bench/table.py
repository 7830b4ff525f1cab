"""What the bench prints: one row a path, what it was to reach, and whether it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEADINGS = ("path", "ours", "peers (their time in ours)", "goal", "met?")


class Goal(NamedTuple):
    """How many times our time the first peer's is to be, at least; or ours the peer's, at most."""

    limit: float
    at_least: bool = True

    def met(self, row: Row, *, margin: float = 1.0) -> bool:
        """Whether the row reaches the goal, or ``margin`` of it."""
        return row.times(row.peers[0]) >= (self.limit if self.at_least else 1 / self.limit) * margin

    def __str__(self) -> str:
        return f"≥ {self.limit:g}x" if self.at_least else f"≤ {self.limit:g}x"


class Peer(NamedTuple):
    """What a peer took; ``times`` ours where the rounds were compared one by one."""

    name: str
    figure: float
    times: float | None = None


class Row(NamedTuple):
    """One path: our figure and the peers', in ``unit``; the goal is about the first peer."""

    path: str
    ours: float
    peers: tuple[Peer, ...] = ()
    goal: Goal | None = None
    unit: str = "ms"
    remark: str = ""

    def cells(self) -> tuple[str, ...]:
        """Word the row."""
        peers = [
            f"{peer.name} {_figure(peer.figure, self.unit)} ({self._ratio(peer)})" for peer in self.peers
        ]
        met = "" if self.goal is None else "yes" if self.goal.met(self) else "**no**"
        goal = "" if self.goal is None else str(self.goal)
        ours = _figure(self.ours, self.unit) if self.ours else "-"
        return self.path, ours, "; ".join([*peers, *filter(None, (self.remark,))]), goal, met

    def times(self, peer: Peer) -> float:
        """How many times our figure a peer's is."""
        return peer.figure / self.ours if peer.times is None else peer.times

    def _ratio(self, peer: Peer) -> str:
        """Say it the way the goal does: their time in ours, or ours in theirs."""
        if not self.ours:
            return "-"
        if self.goal is not None and not self.goal.at_least and peer is self.peers[0]:
            return f"ours {1 / self.times(peer):.2f}x"
        return f"{self.times(peer):.1f}x"


def told(rows: Iterable[Row]) -> str:
    """Word a table in Markdown, its columns aligned."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(HEADINGS))]
    lines = [_line(line, widths) for line in cells]
    return "\n".join([lines[0], "|".join(["", *("-" * (width + 2) for width in widths), ""]), *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(["|", *(f" {cell:{width}} |" for cell, width in zip(cells, widths, strict=True))])


def _figure(figure: float, unit: str) -> str:
    return f"{figure:,.0f} {unit}" if figure >= 100 else f"{figure:.3g} {unit}"
