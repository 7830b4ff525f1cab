"""A change's typed image to the worker's model: only the attributes that the model names are decoded.

Composed once when a worker is loaded, called for each record; stands between ``dynamodb_json``, which knows
no models, and ``Change``, which knows no types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from worker_runtime.dynamodb_json import loads_image, projection
from worker_runtime.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAP = ord("{")

T = TypeVar("T")
Decode = Callable[[Mapping[str, Any]], Any]


def compile_image_decoder(model: type[T]) -> Callable[[Mapping[str, Any]], T]:
    """Compose the decoder that turns an image of typed values into ``model``.

    Takes msgspec Structs (tagged unions of them too), dataclasses, TypedDicts, dicts and pydantic models; one
    that keeps, refuses or rewrites what it does not name gets the whole image. ``Raw`` leaves it typed JSON.
    The decoder raises ValueError (msgspec's and pydantic's are ones), composing it DeclarationError where no
    image can become the model.
    """
    if model is msgspec.Raw:
        return _as_json  # type: ignore[return-value]  # Raw, which the model is
    target = _plainly(model)
    if _is_pydantic(target):
        return _exactly(attributes_of(target), target.model_validate)
    convert = _converter(getattr(model, "__value__", model))
    members = _structs(target)
    if not members:
        return _exactly(attributes_of(target), convert)
    from worker_runtime.struct_images import struct_decoder  # noqa: PLC0415 - only models of Structs pay

    if len(members) == 1:
        return struct_decoder(members[0], exact=_exactly(attributes_of(target), convert))
    return _by_tag(members, convert)


def attributes_of(model: Any) -> tuple[str, ...] | None:
    """Name the attributes that ``model`` takes of an image; None where it takes the whole."""
    target = _plainly(model)
    if _is_pydantic(target):
        return _of_pydantic(target)
    if members := _structs(target):
        named = [_of_a_struct(get_origin(member) or member) for member in members]
        return None if None in named else tuple(dict.fromkeys(name for one in named for name in one or ()))
    origin = get_origin(target) or target
    if origin in (dict, Mapping, Any):
        return None
    if hasattr(origin, "__dataclass_fields__"):
        return tuple(origin.__dataclass_fields__)
    if hasattr(origin, "__required_keys__"):  # a TypedDict
        return (*origin.__required_keys__, *origin.__optional_keys__)
    raise DeclarationError(
        f"An image cannot become {_name(target)}: "
        "use a Struct or tagged Structs, a dataclass, a TypedDict, a dict or a pydantic model."
    )


def _as_json(image: Any) -> msgspec.Raw | None:
    """Leave an image the JSON that it is; of null make None."""
    text = image if isinstance(image, msgspec.Raw) else msgspec.Raw(msgspec.json.encode(image))
    if memoryview(text)[0] == _MAP:
        return text
    plain = msgspec.json.decode(text)
    if plain is None:
        return None
    raise ValueError(f"it is of type {type(plain).__name__}")


def _plainly(model: Any) -> Any:
    """Look through ``type Name = ...`` and ``Annotated``."""
    target = getattr(model, "__value__", model)
    return get_args(target)[0] if get_origin(target) is Annotated else target


def _is_pydantic(model: Any) -> bool:
    return hasattr(model, "model_validate")  # asked without importing it


def _structs(model: Any) -> list[Any]:
    """List the Structs that a model is, or chooses from; none where it is anything else."""
    members = [each for each in get_args(model) if each is not type(None)]
    if hasattr(get_origin(model) or model, "__struct_config__"):
        members = [model]
    return members if all(hasattr(get_origin(each) or each, "__struct_config__") for each in members) else []


def _exactly(names: tuple[str, ...] | None, validate: Callable[[Any], Any]) -> Decode:
    project = loads_image if names is None else projection(names)
    return lambda image: validate(project(image))


def _converter(model: Any) -> Callable[[Any], Any]:
    try:
        msgspec.convert(None, model)  # what msgspec keeps of a type is built now, not at the first record
    except msgspec.ValidationError:
        pass  # None is no image; only the type mattered
    except TypeError as error:
        raise DeclarationError(f"An image cannot become {_name(model)}: {error}") from error
    return partial(msgspec.convert, type=model, str_keys=True)


def _of_a_struct(struct: Any) -> tuple[str, ...] | None:
    config = struct.__struct_config__
    if config.array_like:
        raise DeclarationError(
            f"An image cannot become {_name(struct)}, which is array_like: an image is a map."
        )
    if config.forbid_unknown_fields:
        return None  # it has to see what it refuses
    tag = () if config.tag is None else (config.tag_field,)
    return (*tag, *struct.__struct_encode_fields__)


def _by_tag(members: list[Any], convert: Callable[[Any], Any]) -> Decode:
    """Choose by the tag; what has none or an unknown one is left to msgspec to refuse."""
    field = members[0].__struct_config__.tag_field
    by_tag = {member.__struct_config__.tag: _exactly(attributes_of(member), convert) for member in members}
    tag_alone = projection((field,))

    def decode(image: Mapping[str, Any]) -> Any:
        plain = tag_alone(image)
        tag = plain.get(field)
        chosen = by_tag.get(tag) if isinstance(tag, str | int) else None
        return convert(plain) if chosen is None else chosen(image)

    return decode


def _of_pydantic(model: Any) -> tuple[str, ...] | None:
    decorators = model.__pydantic_decorators__
    rewrites = [*decorators.root_validators.values(), *decorators.model_validators.values()]
    if (
        model.model_config.get("extra") in ("allow", "forbid")
        or getattr(model, "__pydantic_root_model__", False)
        or any(getattr(one.info, "mode", "before") != "after" for one in rewrites)
    ):
        return None
    names = {name for field, info in model.model_fields.items() for name in (field, *_aliases(info))}
    return tuple(sorted(names))


def _aliases(info: Any) -> Iterator[str]:
    """Name the attributes that a pydantic field may come from: aliases, their choices, the heads of paths."""
    for alias in (info.alias, info.validation_alias):
        for choice in getattr(alias, "choices", (alias,)):
            head = getattr(choice, "path", (choice,))[0]
            if isinstance(head, str):
                yield head


def _name(model: Any) -> str:
    return str(getattr(model, "__qualname__", model))
