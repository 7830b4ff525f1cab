"""Resolves an operation level by level: what one resolver is asked for on a level goes in batches.

A field with a worker behind it is resolved by the worker, any other is read off its parent, as in AppSync.
The type of an object is what its ``__typename`` says; of one that says none, a field belongs to the only
type that has a resolver for it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from worker_runtime.local.stage.apis.graphql_fields import FieldError, Resolved, context_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphql.language import SelectionSetNode

    from worker_runtime.local.stage.apis.graphql_fields import Caller
    from worker_runtime.local.stage.apis.graphql_query import AskedField, Operation

ROOT_TYPES = ("Query", "Mutation", "Subscription")

Path = tuple[str | int, ...]


class Resolver(Protocol):
    """The worker behind one field; for many threads."""

    @property
    def field(self) -> str:
        """Its name: "Type.field"."""

    def resolve(self, contexts: Sequence[dict[str, Any]]) -> list[Resolved]:
        """Ask for each of the contexts, in batches where it takes them."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An object whose fields are to be resolved into ``out``."""

    out: dict[str, Any]
    source: Any
    type_name: str | None
    selections: tuple[SelectionSetNode, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class _Question:
    """A field of a place that a worker resolves."""

    place: _Place
    asked: AskedField
    resolver: Resolver


class Execution:
    """One operation, run once for one caller."""

    def __init__(self, operation: Operation, *, resolvers: Iterable[Resolver], caller: Caller) -> None:
        self._operation = operation
        self._resolvers = {each.field: each for each in resolvers}
        self._caller = caller
        self._errors: list[dict[str, Any]] = []
        self._next: list[_Place] = []

    def run(self) -> dict[str, Any]:
        """Return ``data`` and, where there are any, ``errors``."""
        data: dict[str, Any] = {}
        root = _Place(data, None, self._operation.root_type, self._operation.selections, ())
        self._next = [root]
        while self._next:
            places, self._next = self._next, []
            self._resolve_level(places)
        return {"data": data, "errors": self._errors} if self._errors else {"data": data}

    def _resolve_level(self, places: Sequence[_Place]) -> None:
        groups: dict[Any, list[_Question]] = defaultdict(list)
        for place in places:
            for asked in self._operation.fields(place.selections, of_type=place.type_name):
                question = self._opened(place, asked)
                if question is not None:
                    apart = asked.key if place.type_name == "Mutation" else ""  # those go one after the other
                    groups[question.resolver.field, apart].append(question)
        for questions in groups.values():
            answers = questions[0].resolver.resolve([self._context(each) for each in questions])
            for question, answer in zip(questions, answers, strict=True):
                self._answered(question, answer)

    def _opened(self, place: _Place, asked: AskedField) -> _Question | None:
        """Keep a place in the answer for a field, and fill it where no worker is needed."""
        place.out[asked.key] = None
        if asked.name == "__typename":
            place.out[asked.key] = place.type_name
            return None
        resolver = self._resolver(place, asked)
        if resolver is not None and resolver.field in self._caller.denied:
            type_name, _, name = resolver.field.partition(".")
            text = f"Not Authorized to access {name} on type {type_name}"
            self._fail(place, asked, FieldError("Unauthorized", text))
        elif resolver is not None:
            return _Question(place, asked, resolver)
        elif place.type_name in ROOT_TYPES and place.source is None:
            text = f"Field '{asked.name}' in type '{place.type_name}' is undefined"
            self._fail(
                place,
                asked,
                FieldError("ValidationError", f"Validation error of type FieldUndefined: {text}"),
            )
        else:
            value = place.source.get(asked.name) if isinstance(place.source, dict) else None
            self._fill(place, asked, value)
        return None

    def _resolver(self, place: _Place, asked: AskedField) -> Resolver | None:
        if place.type_name is not None:
            return self._resolvers.get(f"{place.type_name}.{asked.name}")
        having = [
            resolver
            for field, resolver in self._resolvers.items()
            if field.partition(".")[2] == asked.name and field.partition(".")[0] not in ROOT_TYPES
        ]
        return having[0] if len(having) == 1 else None

    def _context(self, question: _Question) -> dict[str, Any]:
        asked, operation = question.asked, self._operation
        return context_of(
            type_name=question.resolver.field.partition(".")[0],
            field_name=asked.name,
            arguments=asked.arguments,
            source=question.place.source,
            caller=self._caller,
            variables=operation.variables,
            asked=operation.paths(asked.within),
            asked_text=asked.as_text,
        )

    def _answered(self, question: _Question, answer: Resolved) -> None:
        if answer.error is None:
            self._fill(question.place, question.asked, answer.data)
        else:
            self._fail(question.place, question.asked, answer.error, data=answer.data)

    def _fill(self, place: _Place, asked: AskedField, value: Any) -> None:
        place.out[asked.key] = self._completed(value, asked, (*place.path, asked.key))

    def _completed(self, value: Any, asked: AskedField, path: Path) -> Any:
        """Return what stands for a value; the fields asked of an object are resolved on the next level."""
        if not asked.within:
            return value
        if isinstance(value, list):
            return [self._completed(each, asked, (*path, at)) for at, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        out: dict[str, Any] = {}
        self._next.append(_Place(out, value, _type_of(value), asked.within, path))
        return out

    def _fail(self, place: _Place, asked: AskedField, error: FieldError, *, data: Any = None) -> None:
        self._errors.append(
            {
                "path": [*place.path, asked.key],
                "data": data,
                "errorType": error.kind,
                "errorInfo": error.info,
                "locations": [{"line": asked.line, "column": asked.column, "sourceName": None}],
                "message": error.message,
            }
        )


def _type_of(value: Mapping[str, Any]) -> str | None:
    said = value.get("__typename")
    return said if isinstance(said, str) else None
