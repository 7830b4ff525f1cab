"""The machine: what running workers locally needs beside Python packages, and in them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from worker_runtime.local.doctor.findings import Finding, warning
from worker_runtime.local.stage.parts.part import PartBroken
from worker_runtime.local.stage.parts.redis_server import find_redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

LAMBDA_PYTHON: Final = (3, 13)
PARTS: Final = {
    "ministack": "the local stage's AWS",
    "awslambdaric": "the client with which the stage runs workers as Lambda does",
    "boto3": "what talks to AWS, real or local",
}


def examine_machine() -> Iterator[Finding]:
    """Warn of what the local stage would miss."""
    who = "this machine"
    for package, purpose in PARTS.items():
        if find_spec(package) is None:
            what = f"{package} is not installed: {purpose}; `workers demo` cannot run."
            yield warning(who, what, cure="pip install 'worker-runtime[local]'.")
    try:
        find_redis_server()
    except PartBroken as error:
        what, _, cure = str(error).partition(" Cure: ")
        yield warning(who, what, cure=cure)
    if sys.version_info[:2] > LAMBDA_PYTHON:
        ours, theirs = (".".join(map(str, each)) for each in (sys.version_info[:2], LAMBDA_PYTHON))
        what = f"this is Python {ours}, newer than Lambda's {theirs}: what runs here may not run there."
        yield warning(who, what, cure=f"use Python {theirs} or 3.11.")
