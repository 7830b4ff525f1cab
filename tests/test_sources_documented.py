"""What is said of sources is so: the README's table against the code, its examples declared and run."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import worker_runtime
from source_examples import Row, anchors, blocks, rows, workers_module
from worker_runtime import Worker
from worker_runtime.ledger_keys import key_of
from worker_runtime.outcomes import VERDICTS, Action, Deferred, Done, Failed, Family, Rejected, Skipped
from worker_runtime.testing import sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.sources import Source

VERDICT_TABLE = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COLUMNS: Final = {
    Family.SQS: "SQS",
    Family.FIFO: "FIFO",
    Family.STREAM: "streams",
    Family.KAFKA: "Kafka",
    Family.ASYNC: "asynchronous",
    Family.APPSYNC: "AppSync",
    Family.HTTP: "API Gateway",
    Family.INVOKE: "Invoke, Step Functions",
    Family.FIREHOSE: "Firehose",
}
SHAPES: Final = {"nothing": "nothing", "each": "`T`", "record": "`Record[T]`", "batch": "`Batch[T]`"}
NONE: Final = "\N{EN DASH}"
METRICS = re.compile(r'^\{"_aws".*\n', re.MULTILINE)


class AsShown(doctest.OutputChecker):
    """Compares what is printed, less the metrics that an invocation prints for CloudWatch."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, METRICS.sub("", got), optionflags)


class Examples:
    """The README as far as it has been run: what its workers are, and what was not as it says."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.different: dict[int, str] = {}
        for language, text, line in blocks():
            if language == "python":
                exec(compile(text, "README.md", "exec"), self.names)  # noqa: S102 - the document is ours
            else:
                self._hold(text, line)

    def _hold(self, text: str, line: int) -> None:
        told: list[str] = []
        example = doctest.DocTestParser().get_doctest(text, self.names, "README.md", "README.md", line)
        runner = doctest.DocTestRunner(AsShown(), verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
        runner.run(example, out=told.append, clear_globs=False)
        self.names.update(example.globs)
        if told:
            self.different[line] = "".join(told)

    @property
    def sources(self) -> Iterator[Source]:
        """All that the examples declare."""
        for each in self.names.values():
            if isinstance(each, Worker):
                yield from each.declaration.sources


@pytest.fixture(scope="module")
def examples() -> Examples:
    return Examples()


@pytest.mark.parametrize("line", [line for language, _, line in blocks() if language == "pycon"])
def test_an_example_runs_as_the_readme_shows(examples: Examples, line: int) -> None:
    assert examples.different.get(line, "") == ""


def test_every_source_has_a_row_and_an_example(examples: Examples) -> None:
    public = {name for name in worker_runtime.__all__ if hasattr(getattr(worker_runtime, name), "recognises")}

    assert {row.source for row in rows()} == public
    assert sorted(row.kind for row in rows()) == sorted({each.kind for each in examples.sources})


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.kind)
def test_a_row_says_what_the_code_says(examples: Examples, row: Row) -> None:
    source = next(each for each in examples.sources if each.kind == row.kind)

    taken_as = ", ".join(text for shape, text in SHAPES.items() if shape in source.shapes)
    said = (row.source, row.taken_as, row.verdicts, row.order != NONE)

    assert said == (type(source).__name__, taken_as, COLUMNS[source.family], source.ordered)
    assert row.anchor in anchors()


def test_the_key_of_work_that_is_done_once_is_found_in_its_message(examples: Examples) -> None:
    idempotency = examples.names["charge_order"].declaration.idempotency
    (message,) = sqs_event({"id": "1", "lines": ["tea"]})["Records"]

    assert key_of(idempotency.key)(message) == "1"


def test_the_examples_are_typed_as_strictly_as_the_code(tmp_path: Path) -> None:
    module = tmp_path / "examples.py"
    module.write_text(workers_module(), encoding="utf-8")

    done = subprocess.run(  # noqa: S603 - our own tools
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", module.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
def test_the_table_of_verdicts_says_what_is_done_with_each(family: Family) -> None:
    (line,) = [
        each for each in VERDICT_TABLE.splitlines() if re.match(rf"\| {COLUMNS[family]}( \(|( \|))", each)
    ]
    done, retry, defer, reject, _halt = (cell.strip() for cell in line.split("|")[2:-1])
    actions = VERDICTS[family]

    assert actions[Done] is actions[Skipped]
    assert "come" not in done
    assert ("dead-lettered" in reject) is (actions[Rejected] is Action.DEAD_LETTER)
    assert ("sent again" in defer) is (actions[Deferred] is Action.RESEND)
    assert (defer == "as Retry") is (actions[Deferred] is actions[Failed])
    assert retry not in ("", "as Retry")
