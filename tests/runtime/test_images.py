"""Images decoded into the models that workers name, and nothing else of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec
import pytest
from msgspec import Meta, Struct
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    field_validator,
    model_validator,
)

from worker_runtime.errors import DeclarationError
from worker_runtime.images import compile_image_decoder

POISON = {"N": "not a number"}

IMAGE: dict[str, Any] = {
    "PK": {"S": "EVENT#1"},
    "eventId": {"S": "1"},
    "version": {"N": "12"},
    "price": {"N": "129.95"},
    "status": {"M": {"id": {"S": "OPEN"}, "at": {"S": "2026-03-01T12:00:00Z"}}},
    "markets": {"L": [{"S": "us-ny"}, {"N": "3"}]},
    "tags": {"SS": ["a", "b"]},
    "shortUrl": {"NULL": True},
    "legacy": POISON,
}


class Status(Struct):
    id: str


class Event(Struct, rename="camel", frozen=True):
    event_id: str
    version: int
    price: Decimal
    status: Status
    tags: frozenset[str]
    short_url: str | None = "unset"
    is_suppressed: bool = False


def test_a_struct_gets_its_attributes_under_their_names_in_the_table() -> None:
    event = compile_image_decoder(Event)(IMAGE)

    assert event == Event(
        "1", 12, Decimal("129.95"), Status("OPEN"), frozenset("ab"), None, is_suppressed=False
    )


def test_an_attribute_that_the_model_does_not_name_is_never_read() -> None:
    class Version(Struct):
        version: int

    assert compile_image_decoder(Version)({"version": {"N": "1"}, "other": POISON}).version == 1


def test_a_missing_attribute_takes_its_default_and_a_needed_one_is_an_error() -> None:
    class Sale(Struct):
        id: str
        attempts: int = 3

    decode = compile_image_decoder(Sale)

    assert decode({"id": {"S": "x"}}).attempts == 3
    with pytest.raises(msgspec.ValidationError, match="missing required field `id`"):
        decode({"attempts": {"N": "1"}})


def test_numbers_stay_exact_unless_the_model_says_float() -> None:
    class Prices(Struct):
        price: Any
        version: Any
        rough: float
        whole: float

    image = {**IMAGE, "rough": {"N": "0.1"}, "whole": {"N": "7"}}

    prices = compile_image_decoder(Prices)(image)

    assert (prices.price, prices.version) == (Decimal("129.95"), 12)
    assert (type(prices.rough), prices.rough) == (float, 0.1)
    assert (type(prices.whole), prices.whole) == (float, 7.0)


def test_a_number_is_no_text_and_text_no_number() -> None:
    class Named(Struct):
        name: str

    class Counted(Struct):
        name: int

    with pytest.raises(msgspec.ValidationError, match="Expected `str`, got `int`"):
        compile_image_decoder(Named)({"name": {"N": "5"}})
    with pytest.raises(msgspec.ValidationError, match="Expected `int`, got `str`"):
        compile_image_decoder(Counted)({"name": {"S": "5"}})


def test_constraints_of_a_model_hold() -> None:
    class Sale(Struct):
        quantity: Annotated[int, Meta(ge=1)]

    with pytest.raises(msgspec.ValidationError, match="`int` >= 1"):
        compile_image_decoder(Sale)({"quantity": {"N": "0"}})


def test_a_tagged_struct_checks_its_tag() -> None:
    class Sale(Struct, tag_field="type", tag="sale"):
        version: int

    decode = compile_image_decoder(Sale)

    assert decode({"type": {"S": "sale"}, "version": {"N": "1"}}) == Sale(1)
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'event'"):
        decode({"type": {"S": "event"}, "version": {"N": "1"}})


class Sale(Struct, tag_field="type", tag="sale"):
    sale_id: str


class Demand(Struct, tag_field="type", tag="demand", forbid_unknown_fields=True):
    user_id: str


def test_a_union_of_tagged_structs_is_decided_by_the_tag() -> None:
    decode: Any = compile_image_decoder(Sale | Demand)  # type: ignore[arg-type]  # a union is no class

    sale = {"type": {"S": "sale"}, "sale_id": {"S": "s"}, "user_id": POISON}
    demand = {"type": {"S": "demand"}, "user_id": {"S": "u"}}

    assert decode(sale) == Sale("s")
    assert decode(demand) == Demand("u")
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'market'"):
        decode({"type": {"S": "market"}})
    with pytest.raises(msgspec.ValidationError, match="missing required field `type`"):
        decode({"sale_id": {"S": "s"}})
    with pytest.raises(msgspec.ValidationError, match="Expected `str`"):
        decode({"type": {"L": []}})


def test_a_struct_that_forbids_unknown_fields_sees_them() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        compile_image_decoder(Demand)({"user_id": {"S": "u"}, "other": {"S": "x"}})


@dataclass
class Line:
    version: int
    markets: list[Any]


class Row(TypedDict):
    version: int
    status: NotRequired[dict[str, str]]


def test_dataclasses_and_typed_dicts_get_their_own_attributes() -> None:
    row: Any = compile_image_decoder(Row)(IMAGE)

    assert compile_image_decoder(Line)(IMAGE) == Line(12, ["us-ny", 3])
    assert row == {"version": 12, "status": {"id": "OPEN", "at": "2026-03-01T12:00:00Z"}}


def test_a_dict_gets_the_whole_image() -> None:
    image = {name: value for name, value in IMAGE.items() if name != "legacy"}

    whole = compile_image_decoder(dict)(image)

    assert whole.keys() == image.keys()
    assert whole["tags"] == {"a", "b"}
    with pytest.raises(ValueError, match="'legacy': N takes a decimal number"):
        compile_image_decoder(dict)(IMAGE)


def test_a_dict_of_one_type_is_checked() -> None:
    decode: Any = compile_image_decoder(dict[str, int])

    assert decode({"a": {"N": "1"}}) == {"a": 1}
    with pytest.raises(msgspec.ValidationError, match="Expected `int`, got `str`"):
        decode({"a": {"S": "1"}})


def test_an_error_in_an_attribute_names_it() -> None:
    class Legacy(Struct):
        legacy: int

    with pytest.raises(ValueError, match="'legacy': N takes a decimal number"):
        compile_image_decoder(Legacy)(IMAGE)


class Account(BaseModel):
    event_id: str = Field(alias="eventId")
    version: int
    first_market: str = Field("none", validation_alias=AliasChoices("firstMarket", AliasPath("markets", 0)))

    @field_validator("version", mode="before")
    @classmethod
    def at_least_one(cls, version: Any) -> Any:
        return version or 1


def test_a_pydantic_model_gets_its_names_and_aliases() -> None:
    account = compile_image_decoder(Account)(IMAGE)

    assert (account.event_id, account.version, account.first_market) == ("1", 12, "us-ny")


def test_a_pydantic_model_that_keeps_or_refuses_extras_gets_the_whole_image() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        version: int

    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        version: int

    image = {"version": {"N": "1"}, "other": {"S": "x"}}

    assert compile_image_decoder(Open)(image).model_extra == {"other": "x"}
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        compile_image_decoder(Closed)(image)


def test_a_pydantic_model_that_rewrites_its_input_gets_the_whole_image() -> None:
    class Renamed(BaseModel):
        total: int

        @model_validator(mode="before")
        @classmethod
        def from_old(cls, values: Any) -> Any:
            return {"total": values["old_total"]}

    class Tags(RootModel[dict[str, str]]):
        pass

    assert compile_image_decoder(Renamed)({"old_total": {"N": "4"}}).total == 4
    assert compile_image_decoder(Tags)({"a": {"S": "x"}}).root == {"a": "x"}


def test_a_pydantic_model_that_checks_afterwards_still_gets_only_its_fields() -> None:
    class Checked(BaseModel):
        version: int

        @model_validator(mode="after")
        def positive(self) -> Checked:
            assert self.version > 0
            return self

    assert compile_image_decoder(Checked)(IMAGE).version == 12


class Listed(Struct, array_like=True):
    version: int


class Plain:
    pass


@pytest.mark.parametrize(
    "model", [int, str, list[int], bytes, Listed, Plain, int | str, Status | Event, None]
)
def test_what_no_image_can_become_is_refused_when_it_is_declared(model: Any) -> None:
    with pytest.raises(DeclarationError, match="An image cannot become"):
        compile_image_decoder(model)


def test_pydantic_is_not_imported_for_a_struct() -> None:
    script = (
        "import sys, msgspec\n"
        "from worker_runtime.images import compile_image_decoder\n"
        "compile_image_decoder(msgspec.defstruct('S', [('a', int)]))({'a': {'N': '1'}})\n"
        "print('pydantic' in sys.modules or 'boto3' in sys.modules)\n"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 (our own script)

    assert ran.stdout == "False\n"
