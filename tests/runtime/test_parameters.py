"""What is read of a function's code is what ``inspect`` says of it."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.parameters import calling, parameters_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


def takes_nothing() -> None:
    local = 1
    del local


def takes_one(a: int) -> None: ...


def takes_by_position(a: int, /, b: int, *, c: int) -> None: ...


def has_defaults(a: int, b: int = 1, *, c: int, d: int = 2) -> None: ...


def takes_many(a: int, *rest: int, **named: str) -> None: ...


def closes_over(a: int) -> Callable[[int], int]:
    def inner(b: int) -> int:
        return a + b

    return inner


@functools.wraps(has_defaults)
def wraps(*given: Any, **named: Any) -> None: ...


def yields() -> Iterator[int]:
    yield 1


async def awaits() -> None: ...


async def yields_async() -> AsyncIterator[int]:
    yield 1


class Callable_:  # noqa: N801 - it stands for a function
    def __call__(self, a: int) -> None: ...


FUNCTIONS = [
    *(takes_nothing, takes_one, takes_by_position, has_defaults, takes_many, closes_over, closes_over(1)),
    *(wraps, yields, awaits, yields_async, lambda a: a, functools.partial(takes_one, a=1)),
    *(functools.lru_cache(takes_one), Callable_(), functools.partial(awaits)),
]
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))


@every_function
def test_parameters_are_those_of_the_signature(function: Callable[..., Any]) -> None:
    found = parameters_of(function)

    expected = inspect.signature(function).parameters.values()
    assert [each.name for each in found] == [each.name for each in expected]
    assert [each.keyword_only for each in found] == [each.kind is each.KEYWORD_ONLY for each in expected]
    assert [each.variadic for each in found] == [str(each).startswith("*") for each in expected]
    assert [each.has_default for each in found] == [each.default is not each.empty for each in expected]


def test_a_parameter_that_stands_for_several_is_written_as_it_is_there() -> None:
    written = [each.text for each in parameters_of(takes_many) if each.variadic]

    assert written == ["*rest: 'int'", "**named: 'str'"]


@every_function
def test_what_a_call_does_is_what_inspect_says(function: Callable[..., Any]) -> None:
    call = calling(function)

    assert call.awaits == inspect.iscoroutinefunction(function)
    assert call.yields == inspect.isgeneratorfunction(function)
    assert call.yields_async == inspect.isasyncgenfunction(function)
    assert call.unknown == (not inspect.isfunction(function))
