"""A change's typed image to the worker's model: only the attributes that the model names are decoded.

Composed once when a worker is loaded, called for each record; stands between ``dynamodb_json``, which knows
no models, and ``Change``, which knows no types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args, get_origin

import msgspec

from worker_runtime.dynamodb_json import loads_image, projection
from worker_runtime.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
Projection = Callable[[Mapping[str, Any]], dict[str, Any]]


def compile_image_decoder(model: type[T]) -> Callable[[Mapping[str, Any]], T]:
    """Compose the decoder that turns an image of typed values into ``model``.

    Takes msgspec Structs (tagged unions of them too), dataclasses, TypedDicts, dicts and pydantic models; one
    that keeps, refuses or rewrites what it does not name gets the whole image. The decoder raises ValueError
    (msgspec's and pydantic's are ones), composing it DeclarationError where no image can become the model.
    """
    target: Any = getattr(model, "__value__", model)  # ``type Name = ...``
    if hasattr(target, "model_validate"):  # pydantic, which only a worker that uses it may import
        project, validate = _of_pydantic(target), target.model_validate
    else:
        project, validate = _of_type(target), _converter(target)

    def decode(image: Mapping[str, Any]) -> T:
        return cast("T", validate(project(image)))

    return decode


def _converter(model: Any) -> Callable[[Any], Any]:
    try:
        msgspec.convert(None, model)  # what msgspec keeps of a type is built now, not at the first record
    except msgspec.ValidationError:
        pass  # None is no image; only the type mattered
    except TypeError as error:
        raise DeclarationError(f"An image cannot become {_name(model)}: {error}") from error
    return partial(msgspec.convert, type=model, str_keys=True)


def _of_type(model: Any) -> Projection:
    origin = get_origin(model) or model
    if origin is Annotated:
        return _of_type(get_args(model)[0])
    if origin in (dict, Mapping, Any):
        return loads_image
    if hasattr(origin, "__struct_config__"):
        return _of_struct(origin)
    if hasattr(origin, "__dataclass_fields__"):
        return projection(origin.__dataclass_fields__)
    if hasattr(origin, "__required_keys__"):  # a TypedDict
        return projection(origin.__required_keys__ | origin.__optional_keys__)
    members = [member for member in get_args(model) if member is not type(None)]
    if all(hasattr(member, "__struct_config__") for member in members) and members:
        return _of_structs(members)
    raise DeclarationError(
        f"An image cannot become {_name(model)}: "
        "use a Struct or tagged Structs, a dataclass, a TypedDict, a dict or a pydantic model."
    )


def _of_struct(model: Any) -> Projection:
    config = model.__struct_config__
    if config.array_like:
        raise DeclarationError(
            f"An image cannot become {_name(model)}, which is array_like: an image is a map."
        )
    if config.forbid_unknown_fields:
        return loads_image  # it has to see what it refuses
    tag = () if config.tag is None else (config.tag_field,)
    return projection((*tag, *model.__struct_encode_fields__))


def _of_structs(members: list[Any]) -> Projection:
    """Choose by the tag; what has none or an unknown one is left to msgspec to refuse."""
    if len(members) == 1:
        return _of_struct(members[0])
    field = members[0].__struct_config__.tag_field
    by_tag = {member.__struct_config__.tag: _of_struct(member) for member in members}
    tag_alone = projection((field,))

    def project(image: Mapping[str, Any]) -> dict[str, Any]:
        plain = tag_alone(image)
        tag = plain.get(field)
        chosen = by_tag.get(tag) if isinstance(tag, str | int) else None
        return plain if chosen is None else chosen(image)

    return project


def _of_pydantic(model: Any) -> Projection:
    decorators = model.__pydantic_decorators__
    rewrites = [*decorators.root_validators.values(), *decorators.model_validators.values()]
    if (
        model.model_config.get("extra") in ("allow", "forbid")
        or getattr(model, "__pydantic_root_model__", False)
        or any(getattr(one.info, "mode", "before") != "after" for one in rewrites)
    ):
        return loads_image
    names = {name for field, info in model.model_fields.items() for name in (field, *_aliases(info))}
    return projection(sorted(names))


def _aliases(info: Any) -> Iterator[str]:
    """Name the attributes that a pydantic field may come from: aliases, their choices, the heads of paths."""
    for alias in (info.alias, info.validation_alias):
        for choice in getattr(alias, "choices", (alias,)):
            head = getattr(choice, "path", (choice,))[0]
            if isinstance(head, str):
                yield head


def _name(model: Any) -> str:
    return str(getattr(model, "__qualname__", model))
