"""A model as the JSON Schema that a REST API's validator takes: draft 4; made for the manifest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

DRAFT: Final = "http://json-schema.org/draft-04/schema#"
_NO_SCHEMAS: Final = ("default", "enum", "type")
_NEWER: Final = ("$schema", "examples", "discriminator", "deprecated", "readOnly", "writeOnly")


def request_schema(model: Any) -> dict[str, Any]:
    """Describe the bodies that become ``model``; raises TypeError where no schema can.

    Takes Structs, dataclasses, TypedDicts, dicts and pydantic models.
    """
    made = model.model_json_schema() if hasattr(model, "model_json_schema") else msgspec.json.schema(model)
    older = _older(made)
    own = str(older.get("$ref", "")).removeprefix("#/definitions/")
    if own:  # the validator wants the model itself at the root
        older = {**older["definitions"][own], "definitions": older["definitions"]}
    if not _refers(older.get("definitions", {}), own) and own:
        older["definitions"] = {name: each for name, each in older["definitions"].items() if name != own}
    return {"$schema": DRAFT, **{key: value for key, value in older.items() if key != "definitions" or value}}


def _older(schema: Any) -> Any:
    """Say in draft 4 what a schema of 2020-12 says."""
    if not isinstance(schema, dict):
        return schema
    said: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _SAID_OTHERWISE:
            said |= _SAID_OTHERWISE[keyword](value)
        elif keyword in _NO_SCHEMAS:
            said[keyword] = value
        elif keyword not in _NEWER:
            said[keyword] = _older(value)
    return said


def _by_name(schemas: dict[str, Any]) -> dict[str, Any]:
    return {name: _older(each) for name, each in schemas.items()}


def _listed(schemas: list[Any]) -> list[Any]:
    return [_older(each) for each in schemas]


_SAID_OTHERWISE: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "$defs": lambda schemas: {"definitions": _by_name(schemas)},
    "$ref": lambda target: {"$ref": target.replace("#/$defs/", "#/definitions/")},
    "allOf": lambda schemas: {"allOf": _listed(schemas)},
    "anyOf": lambda schemas: {"anyOf": _listed(schemas)},
    "const": lambda value: {"enum": [value]},
    "exclusiveMaximum": lambda limit: {"maximum": limit, "exclusiveMaximum": True},
    "exclusiveMinimum": lambda limit: {"minimum": limit, "exclusiveMinimum": True},
    "oneOf": lambda schemas: {"oneOf": _listed(schemas)},
    "patternProperties": lambda schemas: {"patternProperties": _by_name(schemas)},
    "prefixItems": lambda schemas: {"items": _listed(schemas), "additionalItems": False},
    "properties": lambda schemas: {"properties": _by_name(schemas)},
    "required": lambda names: {"required": names} if names else {},  # draft 4 takes no empty list
}


def _refers(schema: Any, name: str) -> bool:
    """Whether a schema refers to a definition."""
    if isinstance(schema, dict):
        return schema.get("$ref") == f"#/definitions/{name}" or any(_refers(e, name) for e in schema.values())
    return isinstance(schema, list) and any(_refers(each, name) for each in schema)
