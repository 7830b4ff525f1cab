"""Images as DynamoDB writes them, parsed: each attribute with its one type and its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.json import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


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


class Text(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """A text."""

    S: str


class Number(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """A number."""

    N: str


class Flag(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """True or false."""

    BOOL: bool


class Attributes(Struct, gc=False, frozen=True, forbid_unknown_fields=True):
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


_ABSENT: Final[Mapping[Any, Any]] = {
    Text: Text(None),  # type: ignore[arg-type]  # of none that is there
    Number: Number(None),  # type: ignore[arg-type]  # as above
    Flag: Flag(None),  # type: ignore[arg-type]  # as above
    Attributes: Attributes({}),
}


def strict_parser(attributes: Mapping[str, Any], *, required: Collection[str]) -> Callable[[Any], Any]:
    """Compose what parses images of these attributes (name to type) alone, in two thirds of the time.

    The n-th attribute is the field ``an``; where the image has it not, its value is None, a map is empty, and
    what may be of any type is None itself. ValueError where one that is ``required`` is missing, is of
    another type, or has another name.
    """
    fields = [
        (f"a{at}", kind, NODEFAULT if name in required else _ABSENT.get(kind))
        for at, (name, kind) in enumerate(attributes.items())
    ]
    renamed = {f"a{at}": name for at, name in enumerate(attributes)}
    made = msgspec.defstruct(
        "StrictImage", fields, rename=renamed, kw_only=True, gc=False, forbid_unknown_fields=True
    )
    return Decoder(made).decode
