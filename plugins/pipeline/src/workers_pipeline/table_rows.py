"""Images to encoded rows in one step: a function generated for each table, for what is beyond doubt.

What is not (an attribute of another type, a text that is not ASCII or may be personal) goes the exact way:
``image_rows``, ``masking``, ``avro_rows``, one after the other. Both ways end in the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import may_be_personal
from workers_pipeline.avro_rows import ASCII_MAX, ENCODER_NAMES, ascii_pieces, row_encoder
from workers_pipeline.extras import is_personal, plain_map, plain_number, worded
from workers_pipeline.image_rows import KINDS, exact_row, whole
from workers_pipeline.masking import Mask, looked_into
from workers_pipeline.schemas import EXTRA, OF_THE_CHANGE
from workers_pipeline.typed_images import Attributes, Flag, Number, Text, Typed, parsed, strict_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from workers_pipeline.hashing import Hashes
    from workers_pipeline.image_rows import Row
    from workers_pipeline.schemas import Column, TableSchema
    from workers_pipeline.typed_images import Image

_SOURCE: Final = """
def row(text, head, hashed):
    {head} = head
    image = parse(text)
    extras = {{}}
    {takes}
    texts = f"{texts}"
    if may_be_personal(texts):
        return masked(({values}), hashed)
    if len(texts) > {ascii_max} or not texts.isascii():
        return encode(({values}))
    return f"{pieces}"
"""
_TYPES: Final[Mapping[str, Any]] = {"string": Text, "long": Number, "boolean": Flag}
_OTHERS: Final[Mapping[str, Any]] = {"S": Text, "N": Number, "BOOL": Flag}
_PLAIN: Final[Mapping[Any, str]] = {
    Text: "if (t := {place}.S) is not None: extras[{name!r}] = t",
    Number: "if (t := {place}.N) is not None: extras[{name!r}] = plain_number(t)",
    Flag: "if (t := {place}.BOOL) is not None: extras[{name!r}] = t",
    Typed: "if (t := {place}) is not None: extras.update(plain_map({{{name!r}: t}}))",
}
"""What becomes of an attribute of a type that no column takes."""
_UNNAMEABLE: Final = re.compile(r'[\x00-\x1f"\\]')
"""What msgspec takes in no field's name; an item with such an attribute is read the exact way."""
_OTHERS_MAX: Final = 32
"""Other attributes of a table's items that are looked for; an item with more is read the exact way."""
_SMALL: Final[Mapping[str | None, int | None]] = {
    None: None,
    **{str(number): number for number in range(1000)},
}
_NAMES: Final[Mapping[str, Any]] = {
    "none": {"S": None},
    "small": _SMALL,
    "whole": whole,
    "plain_map": plain_map,
    "plain_number": plain_number,
    "worded": worded,
    "may_be_personal": may_be_personal,
}
"""What a generated function calls by name."""


class Rows:
    """Makes encoded rows of a table's images; which other attributes the items have it learns from them."""

    def __init__(self, schema: TableSchema) -> None:
        self.table = schema.name
        self._schema = schema
        self._columns = schema.fields[len(OF_THE_CHANGE) :]
        self._mask = Mask(schema).masked
        self._encode = row_encoder(schema.avro)
        self._mapped = {"type": Text, **_attributes(self._columns)}
        self._required = {each.attribute for each in self._columns if each.attribute and not each.nullable}
        self._others: dict[str, Any] = {}
        self._quick = self._composed()

    def row(self, text: Any, head: Row, hashed: Hashes) -> str:
        """Encode the row of an image's JSON; ``head`` are the values of the change's own columns.

        Raises Reject ``SCHEMA_VIOLATION``, or ValueError where the image is none.
        """
        try:
            return self._quick(text, head, hashed)
        except (AttributeError, KeyError, TypeError, ValueError):
            image = parsed(text)
            self._learn(image)
            return self._masked((*head, *exact_row(self._columns, image, hashed)), hashed)

    def _masked(self, row: Row, hashed: Hashes) -> str:
        return self._encode(self._mask(row, hashed))

    def _learn(self, image: Image) -> None:
        """Know other attributes the next time; there are few, unless somebody makes them up."""
        seen = {
            name: _type_of(value)
            for name, value in image.items()
            if name not in self._mapped and not _UNNAMEABLE.search(name)
        }
        new = seen.keys() - self._others.keys()
        if len(self._others) + len(new) > _OTHERS_MAX:
            return
        others = self._others | {name: seen[name] for name in sorted(new)}
        others |= {name: Typed for name, kind in seen.items() if others[name] is not kind}
        if others != self._others:
            self._others = others
            self._quick = self._composed()

    def _composed(self) -> Callable[[Any, Row, Hashes], str]:
        known = self._mapped | self._others
        places = {name: f"image.a{at}" for at, name in enumerate(known)}
        values = "".join(f"v{at}, " for at in range(len(self._schema.fields)))
        takes = (*_takes(self._columns, places), *_rest(self._others, places), self._extra())
        source = _SOURCE.format(
            head="".join(f"v{at}, " for at in range(len(OF_THE_CHANGE))),
            takes="\n    ".join(takes),
            texts="\\n".join(f"{{v{at}}}" for at in looked_into(self._schema)),
            values=values,
            ascii_max=ASCII_MAX,
            pieces=ascii_pieces(self._schema.avro) or f"{{encode(({values}))}}",
        )
        names = {**ENCODER_NAMES, **_NAMES}
        names |= {"parse": strict_parser(known, required=self._required)}
        names |= {"masked": self._masked, "encode": self._encode}
        exec(source, names)  # noqa: S102 - names in quotes
        return names["row"]  # type: ignore[no-any-return]  # made by the line above

    def _extra(self) -> str:
        return f"v{[column.name for column in self._schema.fields].index(EXTRA)} = worded(extras)"


def _attributes(columns: Sequence[Column]) -> dict[str, Any]:
    """List the attributes that columns take, and what each has to be."""
    taken: dict[str, Any] = {}
    for column in columns:
        outer, _, inner = (column.attribute or "").partition(".")
        if outer:
            taken[outer] = Attributes if inner else _TYPES[column.kind]
    return taken


def _takes(columns: Sequence[Column], places: Mapping[str, str]) -> Iterator[str]:
    """Write how each column takes its attribute; what a map has beside it is part of the rest."""
    for at, column in enumerate(columns, len(OF_THE_CHANGE)):
        outer, _, inner = (column.attribute or "").partition(".")
        if inner:
            yield f"m{at} = {places[outer]}.M"
            held = f"m{at}.pop({inner!r}, none)['S']"
            yield f"v{at} = {_converted(column, held)}"
            if not is_personal[outer]:
                yield f"if m{at}: extras[{outer!r}] = plain_map(m{at})"
        elif outer:
            yield f"v{at} = {_converted(column, f'{places[outer]}.{KINDS[column.kind]}')}"


def _converted(column: Column, held: str) -> str:
    if column.kind == "long":
        return f"small[n] if (n := {held}) in small else whole(n)"
    return f"hashed[{held}]" if column.hashed else held


def _rest(others: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    """Write what becomes of each other attribute; what is personal by its name is left out."""
    for name, kind in others.items():
        if not is_personal[name]:
            yield _PLAIN[kind].format(place=places[name], name=name)


def _type_of(value: Typed) -> Any:
    """Name an attribute's type where it is a text, a number, or true or false; else it is ``Typed``."""
    kinds = [*value]
    return _OTHERS.get(kinds[0], Typed) if len(kinds) == 1 else Typed
