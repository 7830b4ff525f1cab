"""The environment and a plugin's settings: merged, typed, and every mistake named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from imported import import_path
from installed import Site
from wording import says
from worker_runtime import Environment, Halt, Secret, Settings
from worker_runtime.errors import SettingsError
from worker_runtime.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Http(Settings, frozen=True):
    base_url: str
    timeout_ms: int = 5_000


class ShopSettings(Settings, frozen=True):
    http: Http
    carriers: tuple[str, ...] = ()
    token: Secret | None = None


class WeirdSettings(Settings, frozen=True):
    weird: complex


DEFAULT = """
    http: {baseUrl: "https://default", timeoutMs: 1000}
    carriers: [bike, train]
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with import_path(tmp_path):
        yield Site(tmp_path)


def settings(
    site: Site, files: Mapping[str, str], *, config_env: str = "qa", model: Any = ShopSettings
) -> Any:
    named = {f"shop_things/settings/{stem}.config.yml": text for stem, text in files.items()}
    site.install("workers-shop", files={"shop_things/__init__.py": "", **named}, entry_points={})
    environment = Environment.read({"CONFIG_ENV": config_env, "SHOP_SECRET_ID": "prd-qa1-shop"})
    return load_settings(model, plugin="shop", package="shop_things", environment=environment)


def test_the_environment_is_read_by_the_names_of_the_manifest() -> None:
    environ = {
        "APP_NAME": "shop.shipOrder",
        "CONFIG_ENV": "qa",
        "ENVIRONMENT_TAG": "qa1",
        "AWS_REGION": "us-east-1",
        "LOG_LEVEL": "DEBUG",
        "WORKER_PLUGINS": "company, audit",
        "WORKER_SETTINGS": "/opt/settings.json",
        "WORKER_CLOCK": "20@1700000000",
    }

    environment = Environment.read(environ)

    assert environment == Environment(
        app_name="shop.shipOrder",
        config_env="qa",
        environment_tag="qa1",
        region="us-east-1",
        log_level="DEBUG",
        plugins=("company", "audit"),
        settings_file="/opt/settings.json",
        clock="20@1700000000",
        variables=environ,
    )


def test_an_empty_environment_is_the_developer_s() -> None:
    environment = Environment.read({})

    assert (environment.config_env, environment.log_level, environment.plugins) == ("dev", "INFO", ())


@pytest.mark.parametrize(
    ("kind", "name", "variable"),
    [
        ("queue", "event-short-url", "EVENT_SHORT_URL_QUEUE_URL"),
        ("queue", "orders.fifo", "ORDERS_FIFO_QUEUE_URL"),
        ("table", "demand-table", "DEMAND_TABLE"),
        ("table", "orders", "ORDERS_TABLE"),
        ("index", "orders/by-date", "ORDERS_TABLE"),
        ("secret", "bitly", "BITLY_SECRET_ID"),
        ("redis", "dmnd", "DMND_REDIS_URL"),
        ("stream", "dmnd-table-stream", "DMND_TABLE_STREAM_ARN"),
        ("bucket", "letters", "LETTERS_BUCKET"),
    ],
)
def test_a_logical_name_is_a_variable_and_one_that_is_missing_is_named(
    kind: str, name: str, variable: str
) -> None:
    assert Environment.read({variable: "real"}).named(kind, name) == "real"
    with pytest.raises(SettingsError, match=says(f"{variable} is not set; it names the {kind} {name!r} ~")):
        Environment.read({}).named(kind, name)


def test_settings_are_the_default_file_overlaid_with_the_environment_s(site: Site) -> None:
    read = settings(site, {"default": DEFAULT, "qa": 'http: {baseUrl: "https://qa"}\ncarriers: [plane]'})

    assert read.http == Http("https://qa", 1000)
    assert read.carriers == ("plane",)


def test_the_west_overlays_its_own_environment(site: Site) -> None:
    files = {
        "default": DEFAULT,
        "prod": 'http: {baseUrl: "https://prod", timeoutMs: 2}',
        "prodw": 'http: {baseUrl: "https://west"}',
    }

    assert settings(site, files, config_env="prodw").http == Http("https://west", 2)


def test_an_environment_without_a_file_has_the_defaults(site: Site) -> None:
    assert settings(site, {"default": DEFAULT}).http == Http("https://default", 1000)


def test_the_build_s_merged_file_is_read_instead_of_any_yaml(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"shop": {"http": {"baseUrl": "https://built"}}, "other": {}}))

    read = load_settings(
        ShopSettings,
        plugin="shop",
        package="nowhere",
        environment=Environment.read({"WORKER_SETTINGS": str(file)}),
    )

    assert read.http == Http("https://built")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http: {}", "settings of shop (qa): Object missing required field `baseUrl` - at `$.http`"),
        (
            "http: {baseUrl: x, pace: 1}",
            "settings of shop (qa): Object contains unknown field `pace` - at `$.http`",
        ),
        ("http: {baseUrl: x, timeoutMs: soon}", "settings of shop (qa): Expected `int`~`$.http.timeoutMs`"),
        ("- http", "shop_things: settings/default.config.yml is a list; it must be a mapping."),
        ("http: [", "shop_things: settings/default.config.yml is no YAML: ~"),
        (
            "http: {baseUrl: x}\ntoken: hunter2",
            "settings of shop: a secret is written secret://name#key, never in plain.",
        ),
        (
            "http: {baseUrl: x}\ntoken: secret://shop",
            "settings of shop: a secret is written secret://name#key, never in plain.",
        ),
    ],
)
def test_settings_that_do_not_fit_are_named_and_no_value_is_told(
    site: Site, text: str, expected: str
) -> None:
    with pytest.raises(SettingsError, match=says(expected)) as refused:
        settings(site, {"default": text})

    assert "hunter2" not in str(refused.value)


def test_a_type_that_no_setting_has_is_named(site: Site) -> None:
    with pytest.raises(SettingsError, match=says("a setting of shop cannot be of type ~complex~.")):
        settings(site, {"default": "weird: 1"}, model=WeirdSettings)


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff"])
def test_a_merged_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "settings.json"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(
        SettingsError, match=says(f"WORKER_SETTINGS is {str(file)!r}, which cannot be read: ~")
    ):
        load_settings(
            ShopSettings,
            plugin="shop",
            package="nowhere",
            environment=Environment.read({"WORKER_SETTINGS": str(file)}),
        )


def test_a_secret_is_a_name_until_it_is_asked_for(site: Site) -> None:
    read = settings(site, {"default": DEFAULT + "    token: secret://shop#token"})

    assert (read.token.id, read.token.key) == ("prd-qa1-shop", "token")
    assert "token" not in repr(read.token).lower().replace("secret", "")


def test_a_secret_that_was_not_granted_keeps_no_settings_from_being_read_and_halts_who_asks_for_it(
    site: Site,
) -> None:
    read = settings(site, {"default": DEFAULT + "    token: secret://till#token"})

    assert read.http.timeout_ms == 1000
    with pytest.raises(Halt, match="TILL_SECRET_ID is not set; grant the secret to the worker"):
        read.token.reveal()
