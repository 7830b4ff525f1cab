"""Images straight into Structs: the quick way of ``images``, for what models name most.

A function is generated for each Struct, which reads typed values and calls the Struct, with no dict and no
second look in between. It takes what is beyond doubt; all else, errors among it, is left to the exact way.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin

import msgspec
from msgspec.structs import fields

from worker_runtime.dynamodb_json import loads, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from msgspec.structs import FieldInfo

    Decode = Callable[[Mapping[str, Any]], Any]
    Read = Callable[[Any], Any]

_SOURCE: Final = """
def decode(image):
    try:
        {check}return make({arguments})
    except (AttributeError, KeyError, TypeError, ValueError):
        return exact(image)
"""


def struct_decoder(model: Any, *, exact: Decode) -> Decode:
    """Compose the decoder of images into a Struct; ``exact`` takes the unusual and words what is wrong."""
    struct = get_origin(model) or model
    config = struct.__struct_config__
    if config.forbid_unknown_fields or hasattr(struct, "__post_init__"):
        return exact  # the one has to see all of an image, the other must not run twice
    names: dict[str, Any] = {"make": struct, "exact": exact}
    check = ""
    if config.tag is not None:
        names |= {"tag": config.tag, "read_tag": _READERS[type(config.tag)]}
        check = f"if read_tag(image[{config.tag_field!r}]) != tag: return exact(image)\n        "
    arguments = ", ".join(_argument(at, field, names) for at, field in enumerate(fields(model)))
    exec(_SOURCE.format(check=check, arguments=arguments), names)  # noqa: S102 - of names, in quotes, alone
    return names["decode"]  # type: ignore[no-any-return]  # made by the line above


def _argument(at: int, field: FieldInfo, names: dict[str, Any]) -> str:
    """Write how one field is read; its reader and default go into ``names``."""
    names[f"read{at}"] = _reader(field.type)
    value = f"read{at}(image[{field.encode_name!r}])"
    if field.default is not msgspec.NODEFAULT:
        names[f"default{at}"] = field.default
        value += f" if {field.encode_name!r} in image else default{at}"
    elif field.default_factory is not msgspec.NODEFAULT:
        names[f"make{at}"] = field.default_factory
        value += f" if {field.encode_name!r} in image else make{at}()"
    return f"{field.name}={value}"


def _reader(kind: Any) -> Read:
    for known, read in _READERS.items():
        if kind is known:
            return read
        if get_origin(kind) in (Union, UnionType) and {*get_args(kind)} == {known, type(None)}:
            return _or_none(read)
    return lambda value: msgspec.convert(loads(value), type=kind, str_keys=True)


def _text(value: Any) -> str:
    held = value["S"]
    if type(held) is str and len(value) == 1:
        return held
    raise ValueError


def _whole(value: Any) -> int:
    held = number(value["N"])
    if type(held) is int and len(value) == 1:
        return held
    raise ValueError


def _real(value: Any) -> float:
    if len(value) == 1:
        return float(number(value["N"]))
    raise ValueError


def _flag(value: Any) -> bool:
    held = value["BOOL"]
    if type(held) is bool and len(value) == 1:
        return held
    raise ValueError


def _or_none(read: Read) -> Read:
    def read_or_none(value: Any) -> Any:
        if "NULL" in value and len(value) == 1:
            return None
        return read(value)

    return read_or_none


_READERS: Final[Mapping[Any, Read]] = {str: _text, int: _whole, float: _real, bool: _flag, Any: loads}
