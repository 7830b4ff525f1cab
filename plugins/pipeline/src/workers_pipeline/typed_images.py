"""Images as DynamoDB writes them, parsed: each attribute with its one type and its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec
from msgspec import Struct
from msgspec.json import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Typed(TypedDict, total=False):
    """A typed value of whatever type, ``{"S": "x"}``; numbers are text."""

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


class Text(Struct, gc=False):
    """A text."""

    S: str


class Number(Struct, gc=False):
    """A number."""

    N: str


class Flag(Struct, gc=False):
    """True or false."""

    BOOL: bool


class Attributes(Struct, gc=False):
    """A map."""

    M: dict[str, Typed]


class _OfType(Struct, gc=False):
    type: Text | None = None


_of_type: Final = Decoder(_OfType).decode


def type_of(text: Any) -> str | None:
    """Read an item's ``type`` from its image's JSON; None where it has none.

    ValueError where it is no text.
    """
    held = _of_type(text).type
    return None if held is None else held.S


def strict_parser(attributes: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Compose what parses images of these attributes (name to type) alone, in two thirds of the time.

    The n-th attribute is the field ``an``, None where the image has it not. ValueError where one is of
    another type, or has another name.
    """
    fields = [(f"a{at}", kind | None, None) for at, kind in enumerate(attributes.values())]
    renamed = {f"a{at}": name for at, name in enumerate(attributes)}
    made = msgspec.defstruct("StrictImage", fields, rename=renamed, gc=False, forbid_unknown_fields=True)
    return Decoder(made).decode
