"""The command on workers of every source: those of the README's examples, installed as a plugin."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from installed import PLUGINS, WORKERS, Site
from source_examples import rows, workers_module
from worker_runtime.testing import authorizer_event, token_event

if TYPE_CHECKING:
    from command import Workers

FUNCTIONS = re.findall(r"^@worker\(.*?^def (\w+)\(", workers_module(), re.MULTILINE | re.DOTALL)
SETTINGS = "carrierUrl: https://carrier.example\ncarrierToken: secret://carrier#token\n"
KINDS = {row.kind for row in rows()}


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Install the examples as the plugin ``readme``."""
    site = Site(tmp_path_factory.mktemp("readme"))
    site.install(
        "workers-readme",
        files={
            "readme_things/__init__.py": "",
            "readme_things/examples.py": workers_module(),
            "readme_things/settings/default.config.yml": SETTINGS,
        },
        entry_points={
            WORKERS: {f"readme.{name}": f"readme_things.examples:{name}" for name in FUNCTIONS},
            PLUGINS: {"readme": "readme_things.examples"},
        },
    )
    return site


def test_all_are_listed_with_their_sources(workers: Workers, readme: Site) -> None:
    done = workers("list", "--stack", "shop", "--json", site=readme)

    listed = {row["id"]: row for row in done.json["workers"]}
    assert {name: row["error"] for name, row in listed.items()} == dict.fromkeys(
        f"readme.{name}" for name in FUNCTIONS
    )
    assert {source["kind"] for row in listed.values() for source in row["sources"]} == KINDS


def test_the_doctor_finds_nothing_broken_and_warns_of_streams_alone(workers: Workers, readme: Site) -> None:
    done = workers("doctor", "--json", site=readme)

    ours = [each for each in done.json["findings"] if each["who"].startswith("readme.")]
    assert done.code == 0, done.out
    assert {each["level"] for each in ours} == {"warning"}
    assert {each["who"].split()[1] for each in ours} == {"kinesis", "table_stream"}


def test_all_settings_are_in_the_manifest_in_one_spelling(workers: Workers, readme: Site) -> None:
    done = workers("manifest", "--stack", "shop", site=readme)

    described = [source for worker in done.json["workers"] for source in worker["sources"]]
    assert {source["kind"] for source in described} == KINDS
    assert all(source["name"] for source in described)
    names = {name for source in described for name in source}
    assert {name for name in names if not re.fullmatch(r"[a-z][A-Za-z0-9]*", name)} == set()


@pytest.mark.parametrize(
    ("event", "reply"),
    [
        (authorizer_event("open sesame"), {"isAuthorized": True, "resolverContext": {"sub": "Ann"}}),
        (token_event("please", v2=True), {"isAuthorized": False, "context": {}}),
    ],
)
def test_an_authorizer_answers(workers: Workers, readme: Site, event: Any, reply: Any) -> None:
    done = workers("invoke", "readme.admit_customer", "--event", "-", site=readme, stdin=json.dumps(event))

    assert (done.code, done.json) == (0, reply), done.err
