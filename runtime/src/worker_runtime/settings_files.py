"""A plugin's settings files, merged: what the build does once, and people's tools each time."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from worker_runtime.errors import SettingsError

_WEST = re.compile(r"^(?P<base>[a-z]+\d*)w$")


def merged_settings(package: str, *, config_env: str) -> dict[str, Any]:
    """Merge ``settings/default.config.yml`` with the environment's, then the west's; later wins."""
    west = _WEST.match(config_env)
    stems = ["default", west["base"], config_env] if west else ["default", config_env]
    merged: dict[str, Any] = {}
    for stem in stems:
        merged = _merge(merged, _read(package, f"{stem}.config.yml"))
    return merged


def _read(package: str, name: str) -> dict[str, Any]:
    file = files(package).joinpath("settings", name)
    if not file.is_file():
        return {}
    import yaml  # noqa: PLC0415 - a layer carries merged JSON and no YAML parser

    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{package}: settings/{name} is no YAML: {error}") from error
    if not isinstance(loaded, dict | None):
        raise SettingsError(f"{package}: settings/{name} is a {type(loaded).__name__}; it must be a mapping.")
    return loaded or {}


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
