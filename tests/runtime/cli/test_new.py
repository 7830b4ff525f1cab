from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from installed import Site
from worker_runtime.cli.skeletons.events import EVENTS
from worker_runtime.cli.skeletons.sources import SKELETONS, SourceKind
from worker_runtime.cli.skeletons.trying import command_to_try
from worker_runtime.cli.skeletons.workers import write_worker

if TYPE_CHECKING:
    from command import Workers

ROOT = Path(__file__).parents[3]
LISTED: Any = {"batchItemFailures": []}
NEW: dict[str, tuple[SourceKind, str, Any]] = {
    "sendIt": ("sqs", "send_it", LISTED),
    "sendInTurn": ("sqs-fifo", "send_in_turn", LISTED),
    "assignCodes": ("table-stream", "assign_codes", LISTED),
    "countReplies": ("kinesis", "count_replies", LISTED),
    "followOrders": ("kafka", "follow_orders", LISTED),
    "scanLetters": ("s3", "scan_letters", None),
    "tellAll": ("sns", "tell_all", None),
    "noteSales": ("event-bridge", "note_sales", None),
    "openDoors": ("schedule", "open_doors", None),
    "takeLetter": (
        "api-gateway",
        "take_letter",
        {
            "statusCode": 200,
            "body": '{"id":"42"}',
            "isBase64Encoded": False,
            "headers": {"Content-Type": "application/json"},
        },
    ),
    "showLetter": ("appsync", "show_letter", {"data": {"id": "42"}, "error": None}),
    "weighLetter": ("invoke", "weigh_letter", {"id": "42"}),
    "hideNames": (
        "firehose",
        "hide_names",
        {"records": [{"recordId": "0", "result": "Ok", "data": b64encode(b'{"id":"42"}').decode()}]},
    ),
}
"""One worker of each source: what is written, and the reply to the event that is written with it."""


def in_folder(folder: Path, *command: str) -> None:
    """Run a tool on what was written, its sources on the import path; it must be content."""
    environ = {**os.environ, "PYTHONPATH": str(folder / "src"), "MYPYPATH": str(folder / "src")}
    environ.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def alone(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a plugin and one worker of each source, far from any workspace."""
    folder = tmp_path_factory.mktemp("alone")
    begun = workers("new", "plugin", "fan-mail", cwd=folder)
    assert begun.code == 0, begun.err
    plugin = folder / "workers-fan-mail"
    for name, (source, _, _) in NEW.items():
        write_worker(f"fan_mail.{name}", source=source, into=plugin)
    return plugin


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Make a workspace like this project's, with its settings and the runtime in it."""
    runtime = tmp_path / "runtime/src/worker_runtime"
    runtime.mkdir(parents=True)
    for module in ("__init__.py", "testing.py"):
        (runtime / module).write_text('"""The runtime."""\n', encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "tool",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy", "--no-incremental"),
        ("pytest", "-q", "-p", "no:cacheprovider"),
    ],
    ids=lambda tool: " ".join(tool[:2]),
)
def test_what_is_written_passes_its_own_checks(alone: Path, tool: tuple[str, ...]) -> None:
    in_folder(alone, *tool)


@pytest.fixture(scope="module")
def installed(alone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install what was written; return the variables with which it is found."""
    project = tomllib.loads((alone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = Site(tmp_path_factory.mktemp("site"))
    site.install(project["name"], files={}, entry_points=project["entry-points"], version=project["version"])
    return {"PYTHONPATH": f"{site.folder}{os.pathsep}{alone / 'src'}"}


@pytest.mark.parametrize("name", NEW)
def test_a_new_worker_takes_the_event_that_is_written_with_it_by_the_command_that_is_told(
    alone: Path, installed: dict[str, str], name: str
) -> None:
    source, module, reply = NEW[name]
    event = alone / f"tests/events/fan_mail_{module}.json"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    done = subprocess.run(  # noqa: S602 - a command of our own, as a shell takes it
        command_to_try(f"fan_mail.{name}", source=source, event=event),
        shell=True,
        env={**bare, **installed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == reply
    assert '"outcome"' not in done.stderr  # which only a record has that is not done


def test_every_source_has_a_skeleton() -> None:
    sources = {source for source, _, _ in NEW.values()}

    assert sources == {*SKELETONS} == {*EVENTS} == {*get_args(SourceKind)}


def test_the_new_workers_are_found_sound_and_described(workers: Workers, installed: dict[str, str]) -> None:
    listed = workers("list", "--stack", "fan-mail", "--json", env=installed)
    examined = workers("doctor", "--json", env=installed)
    described = workers("manifest", "--stack", "fan-mail", env=installed)

    ids = sorted(f"fan_mail.{name}" for name in ("keepNote", *NEW))
    assert {row["id"]: row["error"] for row in listed.json["workers"]} == dict.fromkeys(ids)
    ours = [each for each in examined.json["findings"] if "fan_mail" in each["who"]]
    assert ours == []
    assert [worker["id"] for worker in described.json["workers"]] == ids


def test_a_plugin_asks_for_all_that_its_workers_need_outside_a_workspace(alone: Path) -> None:
    project = tomllib.loads((alone / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    (runtime,) = project["dependencies"]
    (local,) = project["optional-dependencies"]["local"]

    assert runtime.startswith("worker-runtime[aws]>=")
    assert local.startswith("worker-runtime[local]>=")
    assert "workers-fan-mail[local]" in project["optional-dependencies"]["test"]


def test_in_a_workspace_a_plugin_goes_to_plugins_and_its_tests_to_tests(
    workers: Workers, workspace: Path
) -> None:
    begun = workers("new", "plugin", "greetings", cwd=workspace)
    added = workers("new", "worker", "greetings.sayHello", "--source", "sqs", cwd=workspace)

    assert (begun.code, added.code) == (0, 0)
    assert "plugins/greetings/src/workers_greetings/plugin.py" in begun.out.split()
    assert added.out.split() == [
        "plugins/greetings/src/workers_greetings/say_hello.py",
        "tests/plugins/greetings/test_say_hello.py",
        "tests/events/greetings_say_hello.json",
    ]
    command = added.err.splitlines()[-1]
    assert command.startswith("AWS_REGION=us-east-1 SAY_HELLO_DLQ_QUEUE_URL=http://127.0.0.1:")
    assert command.endswith(" invoke greetings.sayHello --event tests/events/greetings_say_hello.json")
    assert "[tool." not in (workspace / "plugins/greetings/pyproject.toml").read_text(encoding="utf-8")
    in_folder(workspace, "ruff", "check", ".")
    in_folder(workspace, "ruff", "format", "--check", ".")


def test_nothing_is_overwritten(workers: Workers, workspace: Path) -> None:
    workers("new", "plugin", "greetings", cwd=workspace)
    readme = workspace / "plugins/greetings/README.md"
    readme.write_text("mine", encoding="utf-8")

    again = workers("new", "plugin", "greetings", cwd=workspace)

    assert (again.code, again.out) == (2, "")
    assert again.err == "workers: plugins/greetings is there already; name another.\n"
    assert readme.read_text(encoding="utf-8") == "mine"


def test_a_worker_that_is_there_is_refused_and_nothing_is_written(workers: Workers, workspace: Path) -> None:
    workers("new", "plugin", "greetings", cwd=workspace)
    project = workspace / "plugins/greetings/pyproject.toml"
    before = project.read_text(encoding="utf-8")

    done = workers("new", "worker", "greetings.keepNote", "--source", "sqs", cwd=workspace)

    assert (done.code, done.out) == (2, "")
    assert "has the worker greetings.keepNote already" in done.err
    assert project.read_text(encoding="utf-8") == before


def test_a_model_finds_its_import_where_the_models_have_none_yet(workers: Workers, workspace: Path) -> None:
    workers("new", "plugin", "greetings", cwd=workspace)
    models = workspace / "plugins/greetings/src/workers_greetings/models.py"
    models.write_text('"""Nothing yet."""\n\nfrom __future__ import annotations\n', encoding="utf-8")

    workers("new", "worker", "greetings.sayHello", "--source", "sqs", cwd=workspace)

    text = models.read_text(encoding="utf-8")
    assert "\nfrom msgspec import Struct\n\n\nclass SayHelloMessage(Struct" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plugin", "Greetings"), "'Greetings' cannot name a plugin"),
        (("plugin", "class"), "'class' cannot name a plugin"),
        (("plugin", "../greetings"), "cannot name a plugin"),
        (("worker", "greetings", "--source", "sqs"), "'greetings' cannot name a worker"),
        (("worker", "greetings.Say", "--source", "sqs"), "'greetings.Say' cannot name a worker"),
        (("worker", "greetings.import", "--source", "sqs"), "cannot name a worker"),
        (("worker", "nobody.sayHello", "--source", "sqs"), "`workers new plugin nobody`"),
        (
            ("worker", "greetings.sayHello", "--source", "fax"),
            "'--source': 'fax' is not one of 'sqs', 'sqs-fifo',",
        ),
        (("worker", "greetings.sayHello"), "--source"),
    ],
)
def test_what_cannot_be_is_refused(workers: Workers, arguments: tuple[str, ...], told: str) -> None:
    done = workers("new", *arguments)

    assert (done.code, done.out) == (2, "")
    assert told in done.err
