"""Wildcards of event patterns: ``*`` stands for any text, none included; a backslash makes a star plain."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_COMPLEXITY = 10
"""AWS publishes no bound for "Rule is too complex": 8 was recorded as accepted, 13 as refused."""

_MAX_STATES = 5_000
_PIECE = re.compile(r"\*+|\\.?|[^*\\]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """The plain texts around the stars: one more of them than stars."""

    parts: tuple[str, ...]

    def takes(self, text: str) -> bool:
        """Tell whether all of ``text`` fits, in time linear to it."""
        if len(self.parts) == 1:
            return text == self.parts[0]
        first, *middle, last = self.parts
        at, end = len(first), len(text) - len(last)
        if end < at or not text.startswith(first) or not text.endswith(last):
            return False
        for part in middle:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    def complexity(self) -> int:
        """Count the beginnings of the wildcard that one text can fit all at once, in the worst case.

        That is event-ruler's measure: what a matcher has to keep in mind. Counting ends past MAX_COMPLEXITY.
        """
        symbols = "".join(f"{part}\0" for part in self.parts)[
            :-1
        ]  # NUL for a star: only counted, never matched
        stars = _positions(symbols, "\0")
        steps = [_positions(symbols, character) for character in {*symbols} - {"\0"}]
        most, seen, todo = 0, {1}, [1 | (1 & stars) << 1]
        while todo and len(seen) < _MAX_STATES:
            state = todo.pop()
            most = max(most, state.bit_count())
            if most > MAX_COMPLEXITY:
                return most
            for step in steps:
                reached = (state & step) << 1 | state & stars
                reached |= (reached & stars) << 1
                if reached not in seen:
                    seen.add(reached)
                    todo.append(reached)
        return most


def parse_wildcard(text: str) -> Wildcard:
    """Read a wildcard. Raises ValueError for what AWS refuses: ``**``, other escapes, too much choice."""
    parts = [""]
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "*":
            parts.append("")
        elif piece[0] == "*":
            raise ValueError(f"{text!r} has several stars in a row; one stands for any text.")
        elif piece[0] == "\\" and piece[1:] not in ("*", "\\"):
            raise ValueError(f"{text!r} escapes {piece[1:]!r}; only a star and a backslash may be escaped.")
        else:
            parts[-1] += piece[1:] if piece[0] == "\\" else piece
    wildcard = Wildcard(tuple(parts))
    if wildcard.complexity() > MAX_COMPLEXITY:
        raise ValueError(f"{text!r} is too complex; use fewer stars or less repetition after a star.")
    return wildcard


def _positions(symbols: str, wanted: str) -> int:
    """Set the bit of each place where the symbol stands."""
    return sum(1 << at for at, symbol in enumerate(symbols) if symbol == wanted)
