from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import worker_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FACE = {
    *("EventBridge", "S3", "S3Object", "Sns"),
    *("Batch", "Change", "Record"),
    *("Defer", "Halt", "Reject", "Retry", "ServiceRefused", "Skip", "Verdict"),
    *("Environment", "Invocation", "Metrics", "Secret", "Settings"),
    *("Grant", "assumes", "batch_reads", "batch_writes", "cache", "puts", "queries", "reads", "secret"),
    *("sends", "stores", "updates"),
    *("Idempotency", "Middleware", "Provided", "hookimpl", "provide"),
    *("Firehose", "Kafka", "Kinesis", "Schedule", "Sqs", "TableStream", "Transformed"),
    *("AppSync", "AppSyncAuthorizer", "Authorization", "FieldRequest", "Identity", "Invoke"),
    *("ApiGateway", "HttpRequest", "HttpResponse", "TokenAuthorizer"),
    *("Stack", "Worker", "worker"),
    *("concurrently", "correlation_id", "may_be_personal", "personal", "redact", "redact_text"),
}
BESIDE = ("worker_runtime.clients", "worker_runtime.clock", "worker_runtime.testing")
FOR_PEOPLE = "worker_runtime.local"
MODULES = sorted(ROOT.glob("plugins/*/src/**/*.py"))


def imported(module: Path) -> Iterator[tuple[str, str]]:
    """List what a module imports, wherever in it: (module, name)."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def of_people(module: Path) -> bool:
    """Whether a plugin's module is of its local part."""
    return module.relative_to(ROOT).parts[4] in {"local", "local.py"}


def in_python(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_the_face_has_these_names_and_no_others() -> None:
    assert set(worker_runtime.__all__) == FACE
    assert len(worker_runtime.__all__) == len(FACE)


@pytest.mark.parametrize("name", sorted(FACE))
def test_every_name_of_the_face_is_there(name: str) -> None:
    assert getattr(worker_runtime, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="worker_runtime has no 'Worcker'"):
        _ = worker_runtime.Worcker  # type: ignore[attr-defined]  # as a plugin would misspell it


@pytest.mark.parametrize(
    ("statement", "behind"),
    [("import worker_runtime", ""), ("from worker_runtime import Reject", "worker_runtime.errors")],
)
def test_an_import_brings_only_what_it_needs(statement: str, behind: str) -> None:
    loaded = f"{statement}; import sys; print(*(m for m in sys.modules if m.startswith('worker_runtime.')))"

    assert in_python(loaded) == behind


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_plugin_imports_only_the_face_what_stands_beside_it_and_itself(module: Path) -> None:
    own = module.relative_to(ROOT).parts[3]
    beside = (*BESIDE, FOR_PEOPLE) if of_people(module) else BESIDE

    for origin, name in imported(module):
        if origin == "worker_runtime":
            assert name in FACE or f"{origin}.{name}" in BESIDE
        elif origin.startswith("worker_runtime"):
            assert origin.startswith(beside)
        elif origin.startswith("workers_"):
            assert origin.partition(".")[0] == own


def test_what_stands_beside_the_face_is_there() -> None:
    for name in (*BESIDE, FOR_PEOPLE):
        assert importlib.import_module(name).__doc__
