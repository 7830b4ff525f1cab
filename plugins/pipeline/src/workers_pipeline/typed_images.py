"""An image as DynamoDB writes it, parsed: each attribute a map from its one type to its value."""

from __future__ import annotations

from typing import Final, TypedDict

from msgspec.json import Decoder


class Typed(TypedDict, total=False):
    """A typed value, ``{"S": "x"}``; numbers are text."""

    S: str
    N: str
    BOOL: bool
    NULL: bool
    M: dict[str, Typed]
    L: list[Typed]
    SS: list[str]
    NS: list[str]
    B: str
    BS: list[str]


Image = dict[str, Typed]

parsed: Final = Decoder(Image).decode
"""Parse an image's JSON; ValueError where it is none."""
