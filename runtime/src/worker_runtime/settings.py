"""The environment, read once, and a plugin's settings: merged at build time or from its YAML files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from worker_runtime.errors import Halt, SettingsError
from worker_runtime.grants import variable

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound="Settings")

_COLLECTORS = (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"))
"""The variables that name a collector, the first that is set, and what the specification adds to it."""


def in_lambda() -> bool:
    """Whether this process is a function's: there all declarations were checked before they came there."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


class Settings(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The base of a plugin's settings: camelCase keys in files, unknown ones refused."""


class Environment(Struct, frozen=True, kw_only=True):
    """What Lambda's environment says about this function."""

    app_name: str = ""
    config_env: str = "dev"
    environment_tag: str = ""
    region: str = ""
    log_level: str = "INFO"
    plugins: tuple[str, ...] = ()
    settings_file: str | None = None
    clock: str | None = None
    variables: Mapping[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Environment:
        """Read the variables that the manifest names."""
        return cls(
            app_name=environ.get("APP_NAME", ""),
            config_env=environ.get("CONFIG_ENV", "dev"),
            environment_tag=environ.get("ENVIRONMENT_TAG", ""),
            region=environ.get("AWS_REGION", ""),
            log_level=environ.get("LOG_LEVEL", "INFO"),
            plugins=tuple(environ.get("WORKER_PLUGINS", "").replace(",", " ").split()),
            settings_file=environ.get("WORKER_SETTINGS"),
            clock=environ.get("WORKER_CLOCK"),
            variables=environ,
        )

    @property
    def traces_endpoint(self) -> str | None:
        """Where spans go, by OTLP over HTTP; None where no collector is named, or OTEL_SDK_DISABLED."""
        if self.variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return None
        for variable_name, path in _COLLECTORS:
            if endpoint := self.variables.get(variable_name, "").strip():
                if not endpoint.startswith(("http://", "https://")):
                    raise SettingsError(
                        f"{variable_name} is {endpoint!r}; say http:// or https:// before it."
                    )
                return endpoint.rstrip("/") + path if path else endpoint
        return None

    def named(self, kind: Any, name: str) -> str:
        """Return the real name, URL or ARN of a resource by its logical name."""
        key = variable(kind, name)
        try:
            return self.variables[key]
        except KeyError:
            raise SettingsError(
                f"{key} is not set; it names the {kind} {name!r} (`workers manifest` lists all)."
            ) from None


class Secret:
    """A setting ``secret://name#key``: fetched when it is asked for, kept for five minutes.

    Where nothing names it (``secret_id`` None) it can be had, not revealed: a plugin's settings are one
    file, and most of its workers are not granted each secret in it. A plain class, since msgspec would
    look for an object where a Struct or a dataclass is wanted.
    """

    __slots__ = ("id", "key", "variable")

    def __init__(self, secret_id: str | None, key: str, *, variable: str = "") -> None:
        self.id = secret_id
        self.key = key
        self.variable = variable

    def reveal(self) -> str:
        """Fetch the value; a secret that is missing, refused or not granted is a Halt."""
        if self.id is None:
            raise Halt(f"{self.variable} is not set; grant the secret to the worker, or set it.")
        from worker_runtime.clients.secrets import secret_value  # noqa: PLC0415 - only where one is used

        return secret_value(self.id, key=self.key)


def _merged_by_the_build(file_name: str) -> dict[str, Any]:
    try:
        with open(file_name, "rb") as file:  # noqa: PTH123 - pathlib costs a cold start
            return msgspec.json.decode(file.read(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"WORKER_SETTINGS is {file_name!r}, which cannot be read: {error}") from error


def load_settings(model: type[S], *, plugin: str, package: str, environment: Environment) -> S:
    """Read a plugin's settings into ``model``.

    From the JSON file ``WORKER_SETTINGS`` that the build merged (plugin name to settings), else
    merged here from the package's ``settings/`` folder: default, then the environment's, later wins.
    """
    if environment.settings_file:
        merged = _merged_by_the_build(environment.settings_file).get(plugin, {})
    else:
        from worker_runtime.settings_files import merged_settings  # noqa: PLC0415 - people's path, with YAML

        merged = merged_settings(package, config_env=environment.config_env)

    def special(wanted: Any, value: Any) -> Any:
        if wanted is not Secret:
            raise SettingsError(f"a setting of {plugin} cannot be of type {wanted!r}.")
        name, _, key = str(value).removeprefix("secret://").partition("#")
        if not str(value).startswith("secret://") or not key:
            raise SettingsError(
                f"settings of {plugin}: a secret is written secret://name#key, never in plain."
            )
        named_by = variable("secret", name)
        return Secret(environment.variables.get(named_by), key, variable=named_by)

    try:
        return msgspec.convert(merged, model, strict=False, dec_hook=special)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings of {plugin} ({environment.config_env}): {error}") from error
