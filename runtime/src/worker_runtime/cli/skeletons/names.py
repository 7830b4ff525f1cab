"""The names of a new plugin or worker, in every spelling that files need."""

from __future__ import annotations

import keyword
import re
from typing import Final

from worker_runtime import testing
from worker_runtime.local.commands.reporting import Misuse

PLUGIN: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
WORKER: Final = re.compile(r"[a-z][A-Za-z0-9]*")
LONGEST: Final = 32  # with a prefix and an environment it still fits into Lambda's 64
TAKEN: Final = frozenset(
    (
        *(*testing.__all__, "worker"),
        *("arguments", "created", "detail", "record", "request"),
        *("answer", "event", "reply", "sender"),
    )
)
"""What a skeleton imports beside the worker, and names itself."""


def plugin_names(name: str) -> dict[str, str]:
    """Spell a plugin's name (``fan-identity`` is ``fan_identity``); Misuse where it cannot be one."""
    plugin = name.replace("-", "_")
    if not PLUGIN.fullmatch(plugin) or len(plugin) > LONGEST or keyword.iskeyword(plugin):
        raise Misuse(
            f"{name!r} cannot name a plugin; say words like fan_identity, {LONGEST} letters at most."
        )
    kebab = plugin.replace("_", "-")
    return {
        "plugin": plugin,
        "kebab": kebab,
        "package": f"workers_{plugin}",
        "distribution": f"workers-{kebab}",
        "STACK": plugin.upper(),
    }


def worker_names(worker_id: str) -> dict[str, str]:
    """Spell the name of a worker ``plugin.doSomething``; Misuse where it cannot be one."""
    prefix, _, bare = worker_id.partition(".")
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", bare)
    function = "_".join(words).lower()
    usable = WORKER.fullmatch(bare) and len(bare) <= LONGEST and not keyword.iskeyword(function)
    if not usable or function in TAKEN:
        raise Misuse(
            f"{worker_id!r} cannot name a worker; say its plugin and its effect like greetings.sayHello,"
            f" {LONGEST} letters at most."
        )
    return {
        **plugin_names(prefix),
        "id": worker_id,
        "bare": bare,
        "function": function,
        "Name": bare[0].upper() + bare[1:],
        "kebab_worker": function.replace("_", "-"),
    }
