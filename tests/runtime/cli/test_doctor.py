from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from installed import WORKERS, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from command import Workers

HEAD = """
from __future__ import annotations
from msgspec import Struct
from worker_runtime import Change, Schedule, Sqs, Stack, TableStream, secret, worker

STACK = Stack("sick")

class Order(Struct):
    id: str
"""
SOUND = (
    HEAD
    + '''
@worker(Sqs("orders", dead_letters="orders-dlq"), stack=STACK, timeout_s=30)
def work(order: Order) -> None:
    """Ship an order."""
'''
)


def worker(source: str = 'Sqs("orders", dead_letters="dlq")', *, takes: str = "order: Order") -> str:
    return (
        HEAD
        + f'''
from things import Thing

@worker({source}, stack=STACK)
def work({takes}) -> None:
    """Ship an order."""
'''
    )


def ticking(source: str, **settings: int) -> str:
    more = "".join(f", {name}={value}" for name, value in settings.items())
    return (
        HEAD
        + f'''
@worker({source}, stack=STACK{more})
def work() -> None:
    """Tick."""
'''
    )


THINGS = "class Thing: ...\nclass Other: ...\n"
IMPORTS = "from worker_runtime import Settings, hookimpl, provide, Secret\nfrom things import Thing, Other\n"
HOOKS = f"{IMPORTS}WORKER_API = (1, 0)\n@hookimpl\n"
CYCLE = """def services():
    return [provide(thing), provide(other)]
def thing(other: Other) -> Thing: ...
def other(thing: Thing) -> Other: ...
"""
SETTINGS = """def settings():
    return Mine
class Mine(Settings, frozen=True):
    limit: int
    token: Secret
@hookimpl
def services():
    return [provide(thing)]
def thing(mine: Mine) -> Thing: ...
"""
TAKES_THING = "order: Order, *, thing: Thing"
ASKS = worker(takes=TAKES_THING)

SICK: dict[str, dict[str, Any]] = {
    "old": {"worker": SOUND, "hooks": "WORKER_API = (0, 9)"},
    "silent": {"worker": SOUND, "hooks": ""},
    "exits": {"worker": "raise SystemExit('enough')"},
    "missing": {"worker": ASKS},
    "cycle": {"worker": ASKS, "hooks": HOOKS + CYCLE},
    "misspelt": {"hooks": HOOKS + "def servises(): ..."},
    "unmarked": {"hooks": "WORKER_API = (1, 0)\ndef services(): ..."},
    "argued": {"hooks": HOOKS + "def services(catalogue): ..."},
    "unprovided": {"hooks": HOOKS + "def services(): return [Thing]"},
    "raising": {"hooks": HOOKS + "def middleware(): raise OSError('no disk')"},
    "bare": {"hooks": HOOKS + "def middleware(): return [print]"},
    "untyped": {"worker": worker(takes="order")},
    "starless": {"worker": worker(takes="order: Order, thing: Thing")},
    "pattern": {"worker": worker('Sqs("orders", filters=({"body": {"a": [{"prefx": "b"}]}},))')},
    "fifo": {"worker": worker('Sqs("orders.fifo", dead_letters="dlq.fifo")')},
    "unworthy": {"worker": "work = print"},
    "typo": {
        "worker": worker('Sqs("orders", dead_letters="dlq"), grants=(secret("vault"),)', takes=TAKES_THING),
        "hooks": HOOKS + SETTINGS,
        "files": {"settings/default.config.yml": "limit: 1\ntoken: secret://vault#key\nlmit: 2\n"},
    },
    "ungranted": {
        "worker": ASKS,
        "hooks": HOOKS + SETTINGS,
        "files": {"settings/default.config.yml": "limit: 1\ntoken: secret://vault#key\n"},
    },
    "dull": {"local": HOOKS + "def scenarios(): raise KeyError('seed')"},
    "lost": {"local": "import nothing_of_that_name"},
    "confused": {"local": HOOKS + "def services(): return []"},
    "stream": {"worker": worker('TableStream("t", dead_letters="dlq")', takes="change: Change[Order]")},
    "endless": {
        "worker": worker('TableStream("t", dead_letters="dlq", retries=-1)', takes="change: Change[Order]")
    },
    "open": {"worker": worker('Sqs("orders")')},
    "never": {"worker": ticking('Schedule("cron(0 0 30 2 ? *)")')},
    "overlapping": {"worker": ticking('Schedule("cron(0/5 9 * * ? *)")', timeout_s=301)},
    "alone": {"worker": ticking('Schedule("rate(1 minute)")', timeout_s=300, reserved_concurrency=1)},
    "hasty": {"worker": ticking('Schedule("rate(1 hour)", retries=2, max_age_s=180)')},
    "slow": {"worker": SOUND},
    "list": {"worker": SOUND, "local": ""},
}
EXPECTED = {
    "plugin old": ("broken", "needs API 0.9, this is 1.0", "install a worker-runtime of that API"),
    "plugin silent": ("broken", "does not state its WORKER_API", "say WORKER_API = (1, 0)"),
    "exits.work": ("broken", "exits_things.work:work: SystemExit: enough", "mend it there"),
    "missing.work": ("broken", "asks for Thing, which nobody provides", "add provide(...)"),
    "cycle.work": ("broken", "Thing -> Other -> Thing", "let one take what both need"),
    "plugin misspelt": ("broken", "'servises'", "mend it there"),
    "plugin unmarked": ("broken", "named like a hook and is none", "put @hookimpl on it"),
    "plugin argued": ("broken", "{'catalogue'}", "mend it there"),
    "plugin unprovided": ("broken", "services() must list what provide(factory) makes", "mend it there"),
    "plugin raising": ("broken", "middleware() raised OSError: no disk", "mend it there"),
    "plugin bare": ("broken", "middleware() must return a list of Middleware(...)", "mend it there"),
    "untyped.work": ("broken", "parameter 'order' has no annotation", "say its type"),
    "starless.work": ("broken", "takes 2 inputs", "services after a bare '*'"),
    "pattern.work": ("broken", "InvalidPattern", ""),
    "fifo.work": ("broken", "max_receives is 3", "say max_receives=10 or more"),
    "unworthy.work": ("broken", "not a worker", "put @worker(...) on it"),
    "plugin typo": ("broken", "lmit", "mend it there"),
    "plugin ungranted": ("broken", "VAULT_SECRET_ID is named by its settings", "grant it with secret(...)"),
    "plugin dull, local hooks": ("broken", "scenarios() raised KeyError: 'seed'", "it returns a list"),
    "plugin lost, local hooks": ("broken", "No module named 'nothing_of_that_name'", "mend it there"),
    "plugin confused, local hooks": ("broken", "'services'", "the hooks for people are commands"),
    "stream.work, table_stream t": ("warning", "its 3 retries run out", "say retries=-1"),
    "endless.work, table_stream t": ("warning", "retries without end", "say a max_age_s"),
    "never.work, schedule cron(0 0 30 2 ? *)": ("warning", "it is never due again", "another expression"),
    "overlapping.work, schedule cron(0/5 9 * * ? *)": (
        "warning",
        "an invocation may last 301 s and the next tick comes after 300 s: Lambda then starts a second",
        "say reserved_concurrency=1",
    ),
    "hasty.work, schedule rate(1 hour)": (
        "warning",
        "Lambda makes the last one when a tick is 180 s old and more",
        "say max_age_s=240 or more",
    ),
    "open.work, sqs orders": ("warning", "no dead_letters", "name a queue with dead_letters="),
    "slow.work, sqs orders": (
        "warning",
        "a batch of 10 at 4 s a record, 1 at once",
        "say batch_size=7 or less",
    ),
    "plugin list": ("warning", "`workers list` is the command's own", "another name"),
    "twin.work": ("broken", "is claimed by twin-", "uninstall one"),
    "lonely": ("broken", "its id names no plugin", 'name it "plugin.lonely"'),
    "orphan.work": ("broken", "no distribution has the plugin 'orphan'", "worker_runtime.plugins"),
}


WITHOUT_MINISTACK = """
import importlib.util

find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *given: None if name == "ministack" else find_spec(name, *given)
"""


@pytest.fixture(scope="module")
def findings(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Examine, once, a machine on which everything is wrong that can be; findings by who."""
    site = Site(tmp_path_factory.mktemp("sick"))
    site.install("things", files={"things.py": THINGS, "sound.py": SOUND}, entry_points={})
    for plugin, parts in SICK.items():
        site.install_plugin(plugin, **parts)
    for twin in ("twin-a", "twin-b"):
        site.install(twin, files={}, entry_points={WORKERS: {"twin.work": f"{twin[-1]}:work"}})
    alone = {WORKERS: {"lonely": "sound:work", "orphan.work": "sound:work"}}
    site.install("alone", files={}, entry_points=alone)

    done = workers("doctor", "--json", "--expect", "slow.work=4", site=site)

    assert done.code == 1, done.err
    assert done.json["broken"] is True
    return {each["who"]: each for each in done.json["findings"]}


@pytest.mark.parametrize("who", EXPECTED)
def test_each_ill_is_a_finding_of_its_own_with_its_cure(findings: Mapping[str, Any], who: str) -> None:
    level, what, cure = EXPECTED[who]

    found = findings[who]

    assert found["level"] == level
    assert what in found["what"]
    assert cure in found["cure"]


def test_what_is_well_has_no_finding(findings: Mapping[str, Any]) -> None:
    ours = {who for who in findings if not who.startswith(("dmnd", "this machine"))}

    assert ours == set(EXPECTED)


def test_a_sound_installation_is_exit_code_0(workers: Workers, installed_plugin: Site) -> None:
    installed_plugin.install_plugin("sound", worker=SOUND, local="")

    done = workers("doctor", site=installed_plugin)

    assert done.code == 0, done.out
    assert "; broken: 0, " in done.out.splitlines()[-1]


def test_people_are_told_who_what_and_the_cure(workers: Workers, installed_plugin: Site) -> None:
    installed_plugin.install_plugin("old", worker=SOUND, hooks="WORKER_API = (2, 0)")

    done = workers("doctor", site=installed_plugin)

    lines = done.out.splitlines()
    at = lines.index("broken: plugin old")
    assert done.code == 1
    assert lines[at + 1].startswith("  workers-old 1.0.0 needs API 2.0, this is 1.0")
    assert lines[at + 2].startswith("  cure: install a worker-runtime of that API")


def test_a_machine_without_the_stages_parts_is_warned_of(workers: Workers, installed_plugin: Site) -> None:
    installed_plugin.install("hidden", files={"sitecustomize.py": WITHOUT_MINISTACK}, entry_points={})

    done = workers("doctor", "--json", site=installed_plugin)

    (found,) = [each for each in done.json["findings"] if each["who"] == "this machine"]
    assert "ministack is not installed" in found["what"]
    assert found["cure"] == "pip install 'worker-runtime[local]'."


@pytest.mark.parametrize("given", ["dmnd.shortenEventUrl", "dmnd.shortenEventUrl=soon", "nobody=1"])
def test_an_expectation_that_is_none_is_a_wrong_call(workers: Workers, given: str) -> None:
    done = workers("doctor", "--expect", given)

    assert (done.code, done.out) == (2, "")
    assert "nobody" in done.err or "is not ID=SECONDS" in done.err
