"""What a worker is: a plain function and the declaration that everything else reads."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    ParamSpec,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import Struct

from worker_runtime.errors import DeclarationError
from worker_runtime.grants import Grant
from worker_runtime.parameters import calling, parameters_of
from worker_runtime.records import Batch, Record
from worker_runtime.settings import in_lambda
from worker_runtime.sources import Shape, Source, check_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.middleware.idempotency import Idempotency
    from worker_runtime.parameters import Parameter

P = ParamSpec("P")
R = TypeVar("R")

TIMEOUT_MAX_S: Final = 900  # CreateFunction, Timeout
MEMORY_MB: Final = (128, 10_240)  # CreateFunction, MemorySize
DESCRIPTION_CHARS: Final = 256  # CreateFunction, Description
CONCURRENCY_MAX: Final = 1_000


class Stack(Struct, frozen=True):
    """Workers that are deployed together, under one name and one pair of layers."""

    name: str


class Declaration(Struct, frozen=True, kw_only=True):
    """All that is known of a worker without running it.

    ``shape`` says what its first parameter takes: each decoded body, each ``Record`` or the whole
    ``Batch``, or that there is none; ``model`` is the type of a body, ``services`` the types of its
    keywords.
    """

    name: str
    summary: str
    sources: tuple[Source, ...]
    stack: Stack
    grants: tuple[Grant, ...]
    timeout_s: int
    memory_mb: int
    concurrency: int
    reserved_concurrency: int | None
    shape: Shape
    model: Any
    services: Mapping[str, Any]
    idempotency: Idempotency | None = None

    @property
    def all_grants(self) -> tuple[Grant, ...]:
        """Its own grants and those that follow, the actions on one resource (and keys) together."""
        merged: dict[tuple[Any, str, tuple[str, ...]], list[str]] = {}
        following = (*self.sources, *(() if self.idempotency is None else (self.idempotency,)))
        for grant in (*(each for needs in following for each in needs.grants()), *self.grants):
            merged.setdefault((grant.kind, grant.name, grant.keys), []).extend(grant.actions)
        return tuple(
            Grant(kind, name, tuple(dict.fromkeys(actions)), keys)
            for (kind, name, keys), actions in merged.items()
        )


class Worker(Generic[P, R]):
    """A declared function; calling it is calling the function, so a unit test needs nothing else."""

    def __init__(self, function: Callable[P, R], declaration: Declaration) -> None:
        self.function = function
        self.declaration = declaration
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<worker {self.declaration.name}>"


def worker(  # noqa: PLR0913 - a function has as many settings, all but its stack optional
    *sources: Source,
    stack: Stack,
    grants: tuple[Grant, ...] = (),
    timeout_s: int = 60,
    memory_mb: int = 2048,
    concurrency: int = 1,
    reserved_concurrency: int | None = None,
    idempotency: Idempotency | None = None,
) -> Callable[[Callable[P, R]], Worker[P, R]]:
    """Declare a function to be a worker of these sources.

    Left of its star stands what arrives in the event, right of it what is provided, found by type.
    ``concurrency`` records of a batch run at once, in threads; lanes keep their order. At most
    ``reserved_concurrency`` invocations run at once, in all of the function. ``idempotency`` has the
    work of one key done once. Raises DeclarationError where AWS, or the runtime, could not keep what is
    declared.
    """
    for source in sources:
        if not hasattr(source, "recognises"):
            raise DeclarationError(
                f'@worker takes sources, not {source!r}; write @worker(Sqs("..."), stack=...).'
            )

    def declare(function: Callable[P, R]) -> Worker[P, R]:
        shape, model, services = _signature(function)
        declaration = Declaration(
            name=function.__name__,
            summary=(function.__doc__ or "").strip().partition("\n")[0],
            sources=sources,
            stack=stack,
            grants=grants,
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            concurrency=concurrency,
            reserved_concurrency=reserved_concurrency,
            shape=shape,
            model=model,
            services=services,
            idempotency=idempotency,
        )
        _check(declaration)
        if idempotency is not None:
            _check_idempotency(declaration, idempotency, function)
        return Worker(function, declaration)

    return declare


def _signature(function: Callable[..., Any]) -> tuple[Shape, Any, dict[str, Any]]:
    """Read what arrives and what is provided from a function's parameters."""
    who = getattr(function, "__name__", repr(function))
    _refuse_unusual(who, function)
    try:
        hints = get_type_hints(function, include_extras=True)
    except (AttributeError, NameError, TypeError) as error:
        raise DeclarationError(
            f"{who}: {error}; import what it is annotated with for real, not for checkers."
        ) from error
    inputs, services = [], {}
    for parameter in parameters_of(function):
        if parameter.variadic:
            raise DeclarationError(f"{who} takes {parameter.text}; name each service after a bare '*'.")
        if parameter.name not in hints:
            raise DeclarationError(f"{who}: parameter {parameter.name!r} has no annotation; say its type.")
        if parameter.keyword_only:
            services[parameter.name] = _service(who, parameter, hints[parameter.name])
        else:
            inputs.append(hints[parameter.name])
    if len(inputs) > 1:
        raise DeclarationError(
            f"{who} takes {len(inputs)} inputs; it takes one, and services after a bare '*'."
        )
    return (*(_shape(inputs[0]) if inputs else ("nothing", None)), services)


def _refuse_unusual(who: str, function: Callable[..., Any]) -> None:
    """Refuse what would not run when it is called."""
    call = calling(function)
    if call.awaits or call.yields_async:
        raise DeclarationError(
            f"{who} is async; workers are plain functions: use concurrency=n and sync clients."
        )
    if call.yields:
        raise DeclarationError(f"{who} yields, so calling it would do nothing; return instead.")
    if call.unknown:
        raise DeclarationError(f"{who} is no plain function; put @worker(...) on one.")


def _service(who: str, parameter: Parameter, annotation: Any) -> Any:
    if parameter.has_default:
        raise DeclarationError(
            f"{who}: service {parameter.name!r} has a default; services are provided, leave it out."
        )
    if not isinstance(annotation, type):
        raise DeclarationError(
            f"{who}: service {parameter.name!r} is {annotation!r}; a service is found by its class."
        )
    return annotation


def _shape(annotation: Any) -> tuple[Shape, Any]:
    shapes: dict[Any, Shape] = {Record: "record", Batch: "batch"}
    shape = shapes.get(get_origin(annotation))
    return (shape, get_args(annotation)[0]) if shape else ("each", annotation)


def _check(declaration: Declaration) -> None:
    """Refuse what could not be kept, saying who, what and the cure."""
    who = declaration.name
    _check_kinds(declaration)
    limits = (
        ("timeout_s", declaration.timeout_s, 1, TIMEOUT_MAX_S),
        ("memory_mb", declaration.memory_mb, *MEMORY_MB),
        ("concurrency", declaration.concurrency, 1, CONCURRENCY_MAX),
    )
    for what, value, low, high in limits:
        check_range(f"{who}: {what}", value, low, high, who_says="say")
    if not declaration.sources:
        raise DeclarationError(f"{who} has no source; put one before stack=.")
    if not declaration.summary:
        raise DeclarationError(f"{who} has no docstring; its first line is the Lambda's description.")
    if len(declaration.summary) > DESCRIPTION_CHARS:
        raise DeclarationError(f"{who}: its docstring's first line has over {DESCRIPTION_CHARS} characters.")
    if declaration.shape == "batch" and declaration.concurrency > 1:
        raise DeclarationError(f"{who} takes a Batch, which is one call; leave concurrency out.")
    if declaration.reserved_concurrency is not None:
        reserved = declaration.reserved_concurrency
        check_range(f"{who}: reserved_concurrency", reserved, 1, CONCURRENCY_MAX, who_says="say")
    for source in declaration.sources:
        source.check(worker=who, timeout_s=declaration.timeout_s)
        _check_shape(declaration, source)


def _check_idempotency(
    declaration: Declaration, idempotency: Idempotency, function: Callable[..., Any]
) -> None:
    """Refuse work that could not be kept once by its key, or a result that could not be read again."""
    from worker_runtime.middleware.stored_results import reader  # noqa: PLC0415 - only who declares it pays

    who = declaration.name
    if not hasattr(idempotency, "check"):
        raise DeclarationError(
            f'{who}: idempotency is {idempotency!r}; say Idempotency("detail.id", table="...").'
        )
    idempotency.check(who, timeout_s=declaration.timeout_s)
    if not in_lambda():
        idempotency.check_expressions(who)
    if declaration.shape == "batch":
        raise DeclarationError(f"{who} takes a Batch, whose records have no outcome apart; take records.")
    reader(returned_by(function))


def returned_by(function: Callable[..., Any]) -> Any:
    """Return the type of a function's result; Any where it does not say."""
    return get_type_hints(function).get("return", Any)


def _check_shape(declaration: Declaration, source: Source) -> None:
    """Refuse a first parameter that the source cannot fill."""
    who, shape = declaration.name, declaration.shape
    if shape in source.shapes:
        if shape != "nothing":
            source.decoder(declaration.model)
        return
    if shape == "nothing":
        raise DeclarationError(
            f"{who} takes 0 inputs; {source.kind} {source.name} brings records: take one, and services"
            " after a bare '*'."
        )
    raise DeclarationError(
        f"{who} takes a Batch, and {source.kind} {source.name} brings one event at a time; take its payload."
    )


def _check_kinds(declaration: Declaration) -> None:
    """Refuse what is no stack or grant, and a source that is there twice."""
    who = declaration.name
    stack: object = declaration.stack
    grants: object = declaration.grants
    if not isinstance(stack, Stack) or not stack.name:
        raise DeclarationError(f'{who}: stack is {stack!r}; say stack=Stack("..."), with a name.')
    if not isinstance(grants, tuple) or not all(isinstance(grant, Grant) for grant in grants):
        raise DeclarationError(f'{who}: grants is {grants!r}; say a tuple of grants, as (reads("orders"),).')
    names = [(source.kind, source.name) for source in declaration.sources]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DeclarationError(
            f"{who} has the source {' '.join(twice[0])} twice; AWS takes one mapping, so leave one out."
        )
