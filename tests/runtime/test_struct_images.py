"""The quick way of images into Structs gives what the exact way gives, or leaves the image to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType, field

from worker_runtime.dynamodb_json import loads_image, projection
from worker_runtime.images import attributes_of, compile_image_decoder

T = TypeVar("T")


class Plain(Struct):
    a: str
    b: int
    c: float
    d: bool


class Maybe(Struct, kw_only=True, rename="upper"):
    a: str | None = None
    b: int | None
    c: float | None = 1.5
    d: bool | UnsetType = UNSET
    e: list[Any] = field(default_factory=list)


class Rich(Struct, frozen=True):
    a: Annotated[str, Meta(max_length=2)]
    b: Decimal
    c: Annotated[int, Meta(ge=0)] = 0
    d: Literal["x", "y"] | None = None
    e: dict[str, int | None] | None = None
    f: Any = None


class Tagged(Struct, tag_field="a", tag="x"):
    b: set[str] | int = 0
    c: bytes = b""


class Numbered(Struct, tag_field="a", tag=1):
    b: int = 0


class Boxed(Struct, Generic[T]):
    a: T
    b: "Plain | None" = None


class Checked(Struct):
    a: str
    checks: int = 0

    def __post_init__(self) -> None:
        self.checks += 1
        if self.a == "x":
            raise ValueError("not x")


class Closed(Struct, forbid_unknown_fields=True):
    a: str


MODELS = (Plain, Maybe, Rich, Tagged, Numbered, Boxed[int], Boxed[str], Checked, Closed)

NUMBERS = ("0", "7", "-7", "1.5", "1.0", "1E2", "9" * 38, "-" + "9" * 19, "٣", "x", "", "+1", "1e999")
HELD: dict[str, st.SearchStrategy[Any]] = {
    "S": st.sampled_from(["", "x", "y", "long"]) | st.none() | st.integers(),
    "N": st.sampled_from(NUMBERS) | st.none() | st.integers(),
    "BOOL": st.booleans() | st.integers(0, 1) | st.text(max_size=1),
    "NULL": st.booleans(),
    "B": st.sampled_from(["QQ==", "?", ""]),
    "SS": st.lists(st.text(max_size=1), max_size=2),
}
ONE = st.sampled_from([*HELD]).flatmap(lambda kind: st.fixed_dictionaries({kind: HELD[kind]}))
TYPED: st.SearchStrategy[Any] = st.recursive(
    ONE,
    lambda inner: (
        st.fixed_dictionaries({"L": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"M": st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)})
    ),
    max_leaves=4,
)
JUNK = st.none() | st.text(max_size=2) | st.integers() | st.lists(st.text(max_size=1), max_size=2)
TWO = st.tuples(ONE, ONE).map(lambda both: both[0] | both[1])  # no typed value, where the kinds differ
IMAGES = st.dictionaries(st.sampled_from("abcdefABCDE"), TYPED | TYPED | TYPED | TWO | JUNK, max_size=8)
FITTING = st.fixed_dictionaries(
    {"a": HELD["S"].map(lambda text: {"S": text}), "b": HELD["N"].map(lambda number: {"N": number})},
    optional={
        "c": HELD["N"].map(lambda number: {"N": number}),
        "d": HELD["BOOL"].map(lambda flag: {"BOOL": flag}),
    },
)


def told(decode: Any, image: Any) -> str:
    try:
        return repr(decode(image))  # which tells 1 from 1.0 and from True
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("model", MODELS, ids=str)
@given(image=IMAGES | FITTING)
def test_an_image_becomes_what_the_exact_way_makes_of_it(model: Any, image: dict[str, Any]) -> None:
    names = attributes_of(model)
    take = loads_image if names is None else projection(names)

    exactly = told(lambda whole: msgspec.convert(take(whole), model, str_keys=True), image)

    assert told(compile_image_decoder(model), image) == exactly
