"""What a function takes, and whether calling it runs it, read from its code.

``inspect`` says the same; importing it costs a cold start more than all that is asked of it.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

_VARIADIC = 0x04 | 0x08  # CO_VARARGS, CO_VARKEYWORDS
_GENERATOR = 0x20
_COROUTINE = 0x80
_ASYNC_GENERATOR = 0x200


class Parameter(Struct, frozen=True):
    """One parameter; ``text`` is how it is written where it stands for several."""

    name: str
    keyword_only: bool = False
    variadic: bool = False
    has_default: bool = False
    text: str = ""


class Calling(Struct, frozen=True):
    """What calling a function does; all False, it simply runs."""

    awaits: bool = False
    yields: bool = False
    yields_async: bool = False
    unknown: bool = False


def calling(function: Any) -> Calling:
    """Say whether a call runs the function, or what it does instead; ``unknown`` is no plain function."""
    if _is_bare(function):
        flags = function.__code__.co_flags
        return Calling(bool(flags & _COROUTINE), bool(flags & _GENERATOR), bool(flags & _ASYNC_GENERATOR))
    import inspect  # noqa: PLC0415 - rare: something wraps the function

    return Calling(
        awaits=inspect.iscoroutinefunction(function),
        yields=inspect.isgeneratorfunction(function),
        yields_async=inspect.isasyncgenfunction(function),
        unknown=not inspect.isfunction(function),
    )


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """List what a function takes, in its order."""
    if not _is_bare(function) or function.__code__.co_flags & _VARIADIC:
        return _inspected(function)
    code = function.__code__
    names = code.co_varnames
    defaults = code.co_argcount - len(function.__defaults__ or ())
    taken = [Parameter(name, has_default=at >= defaults) for at, name in enumerate(names[: code.co_argcount])]
    given = function.__kwdefaults__ or {}
    only = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return [*taken, *(Parameter(name, keyword_only=True, has_default=name in given) for name in only)]


def _is_bare(function: object) -> bool:
    """Whether nothing was put on it that could say something else than its code (``__wrapped__``)."""
    return type(function) is FunctionType and not function.__dict__


def _inspected(function: Callable[..., Any]) -> list[Parameter]:
    import inspect  # noqa: PLC0415 - rare: something wraps the function, or it takes anything

    return [
        Parameter(
            each.name,
            keyword_only=each.kind is each.KEYWORD_ONLY,
            variadic=each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD),
            has_default=each.default is not each.empty,
            text=str(each),
        )
        for each in inspect.signature(function).parameters.values()
    ]
