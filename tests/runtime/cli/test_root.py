from __future__ import annotations

import os
import pty
import subprocess
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from command import COMMAND
from worker_runtime.cli import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command import Workers
    from installed import Site


def test_version_is_the_distributions(workers: Workers) -> None:
    done = workers("--version")

    assert (done.code, done.out) == (0, f"workers {version('worker-runtime')}\n")


def test_help_names_every_group_and_every_plugin_with_commands(workers: Workers, shop: Site) -> None:
    done = workers("--help", site=shop)

    assert done.code == 0
    for name, group in GROUPS.items():
        assert f"{name} " in done.out
        assert group.summary[:30] in done.out
    assert "Commands of the plugin shop." in done.out
    assert "Examples:" in done.out


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_has_an_example_that_begins_with_the_command(workers: Workers, group: str) -> None:
    done = workers(group, "--help")

    assert done.code == 0
    assert f" workers {group}" in done.out.partition("Examples:")[2]


def words(command: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """List arguments and options, of the commands below too, with the help that each has."""
    for each in command.params:
        yield f"{path} {each.name}", each.help
    for name, below in getattr(command, "commands", {}).items():
        yield from words(below, f"{path} {name}")


@pytest.mark.parametrize("group", GROUPS)
def test_every_argument_and_option_has_its_help(group: str) -> None:
    command = get_command(import_module(GROUPS[group].module).app)

    assert [path for path, said in words(command, group) if not said] == []


def test_an_unknown_command_is_a_wrong_call_and_the_likely_one_is_named(workers: Workers) -> None:
    done = workers("lisst")

    assert done.code == 2
    assert done.out == ""
    assert done.err == "workers: No such command 'lisst'. Did you mean 'list'? See `workers --help`.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("invoke",), "Missing argument 'ID'; see `workers invoke --help`."),
        (("list", "--bogus"), "No such option: --bogus; see `workers list --help`."),
        (("--bogus",), "No such option: --bogus; see `workers --help`."),
        (("demo", "--events", "few"), "Invalid value for '--events'"),
        (("new",), "Missing command; see `workers new --help`."),
    ],
)
def test_a_wrong_call_is_one_line_and_json_where_json_is_asked_for(
    workers: Workers, arguments: tuple[str, ...], told: str
) -> None:
    said, encoded = workers(*arguments), workers(*arguments, "--json")

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"workers: {told}")
    assert len(said.err.splitlines()) == 1
    assert (encoded.code, encoded.out, encoded.error["kind"]) == (2, "", "Misuse")


def test_a_plugins_commands_are_mounted_under_its_name(workers: Workers, shop: Site) -> None:
    done = workers("shop", "hello", "Ada", site=shop)

    assert (done.code, done.out) == (0, "hello Ada\n")


def test_a_plugin_whose_local_hooks_are_broken_says_so_when_it_is_called(
    workers: Workers, shop: Site
) -> None:
    done = workers("crash", "anything", "--at-all", site=shop)

    assert done.code == 1
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert "workers-crash 1.0.0" in line
    assert "out of order" in line


def test_commands_that_are_none_are_told_when_they_are_called(
    workers: Workers, installed_plugin: Site
) -> None:
    local = "from worker_runtime import hookimpl\n@hookimpl\ndef commands(): return ['hello']"
    installed_plugin.install_plugin("odd", local=local)

    done = workers("odd", site=installed_plugin)

    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert "plugin odd: commands() must list typer groups" in line


def test_without_the_local_extra_one_line_says_the_cure(workers: Workers, installed_plugin: Site) -> None:
    gone = "raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')"
    installed_plugin.install("nothing", files={"typer.py": gone}, entry_points={})

    done = workers("list", site=installed_plugin)

    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert "typer is not installed; the command comes with the extra 'local': pip install '" in line
    assert "[local]'" in line


def test_without_the_local_extra_errors_are_json_where_it_is_asked_for_and_the_version_is_said(
    workers: Workers, installed_plugin: Site
) -> None:
    gone = "raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')"
    installed_plugin.install("nothing", files={"typer.py": gone}, entry_points={})

    failed = workers("list", "--json", site=installed_plugin)
    said = workers("--version", site=installed_plugin)

    assert (failed.code, failed.error["kind"]) == (2, "ExtraMissing")
    assert "typer is not installed" in failed.error["message"]
    assert (said.code, said.err) == (0, "")
    assert said.out == workers("--version").out


def on_a_terminal(workers: Workers, **environ: str) -> str:
    """Run ``workers list`` with a terminal as its stdout and return what it shows."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 - a file descriptor has no path
        env = {**workers.environment(), **environ}
        subprocess.run([*COMMAND, "list"], env=env, stdout=theirs, check=True, timeout=60)  # noqa: S603
        os.close(theirs)
        return screen.read(100_000).decode()


def test_colour_is_for_terminals_and_not_where_it_is_unwanted(workers: Workers) -> None:
    wanted, unwanted = on_a_terminal(workers), on_a_terminal(workers, NO_COLOR="1")

    assert "\x1b[" in wanted
    assert "\x1b[3" not in unwanted
    assert "\x1b" not in workers("list").out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("workers inv", "invoke"),
        ("workers invoke shop.", "shop.work"),
        ("workers invoke --env", "--env-file"),
        ("workers demo sale", "sale-to-sms"),
        ("workers demo sale-to-sms --faults crash,o", "crash,outage"),
        ("workers list --stack sh", "shop"),
        ("workers stage up --logs a", "all"),
        ("workers stage up --logs shop.", "shop.work"),
        ("workers dead-letters redrive ord", "orders-dlq"),
        ("workers record orders.jsonl --queue ord", "orders-dlq"),
        ("workers new worker shop.pack --source sched", "schedule"),
    ],
)
def test_a_shell_completes_whatever_there_is_to_choose_from(
    workers: Workers, shop: Site, typed: str, offered: str
) -> None:
    asked = {"_WORKERS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    done = workers(site=shop, env=asked)

    assert offered in done.out.split()


def test_a_shell_completes_bare_names_of_workers_where_they_are_unique(
    workers: Workers, shop: Site, installed_plugin: Site
) -> None:
    installed_plugin.install_plugin("pier", worker="work = None")
    asked = {"_WORKERS_COMPLETE": "complete_bash", "COMP_WORDS": "workers invoke wo", "COMP_CWORD": "2"}

    unique, ambiguous = workers(site=installed_plugin, env=asked), workers(site=shop, env=asked)

    assert (unique.out.split(), ambiguous.out.split()) == (["work"], [])
