"""``workers demo`` itself, in a process of its own: nothing is lost, whatever strikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demos import Ran, assert_nothing_lost, demo
from worker_runtime.local.demo.offered import offered_scenarios
from workers_dmnd.local.short_links.event_items import CANARIES
from workers_dmnd.local.short_links.ledger import COMPLETED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHOWN = {each.name: each.summary for each in offered_scenarios().scenarios.values()}
LOSING = """
from worker_runtime import hookimpl
from worker_runtime.local.demo.outcome import Finding, Outcome

class Losing:
    name, summary, stack = "losing", "an item gets lost", "dmnd"
    events, speed = 10, 20.0

    def run(self, stage, *, events, faults, seed, tell):
        return Outcome(endings={"lost": 1}, findings=(Finding("item-4", "is gone"),))

@hookimpl
def scenarios():
    return [Losing()]
"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Run the demo, each time in a folder of its own."""
    return lambda *arguments: demo(tmp_path_factory.mktemp("demo"), "short-links", "--json", *arguments)


@pytest.fixture(scope="module")
def plain(staged: Callable[..., Ran]) -> Ran:
    """The run without faults, with which those with faults are compared."""
    return staged("--seed", 1)


@pytest.fixture(scope="module")
def under_all(staged: Callable[..., Ran]) -> Ran:
    """The run under all faults at once."""
    return staged("--seed", 1, "--faults", "all")


def test_every_event_is_accounted_for(plain: Ran) -> None:
    assert_nothing_lost(plain)
    assert plain.result["endings"] == {
        "shortened": 35,
        "skipped: already linked": 5,
        "skipped: suppressed": 5,
        "skipped: suppressed after it was enqueued": 5,
    }


def test_bitly_throttles_even_without_faults_and_deferring_costs_no_dead_letter(plain: Ran) -> None:
    shortening = plain.result["workers"]["dmnd.shortenEventUrl"]

    assert shortening["deferred"] > 0
    assert shortening["deadLetters"] == 0


def test_what_happens_is_told_while_it_happens_but_to_no_program(plain: Ran, tmp_path: Path) -> None:
    watched = demo(tmp_path, "short-links", "--in-process", "--events", "10")

    assert "10 of 10 items put" in watched.stderr
    assert "links set" in watched.stderr
    assert "Bitly throttled" in watched.stderr
    assert "the workers' output goes to" in watched.stderr
    assert plain.stderr == ""


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "shown_by"), [("duplicate", "skipped"), ("outage", "retries"), ("crash", "crashes")]
)
def test_nothing_is_lost_to_a_fault(
    staged: Callable[..., Ran], plain: Ran, fault: str, shown_by: str
) -> None:
    ran = staged("--seed", 1, "--faults", fault)

    assert_nothing_lost(ran)
    assert ran.result["state"] == plain.result["state"]
    assert ran.total(shown_by) > (plain.total(shown_by) if fault == "duplicate" else 0)


def test_nothing_is_lost_under_all_faults(under_all: Ran, plain: Ran) -> None:
    assert_nothing_lost(under_all)
    assert under_all.result["state"] == plain.result["state"]
    assert under_all.total("crashes") > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_nothing_is_lost_under_all_faults_of_other_seeds(staged: Callable[..., Ran], seed: int) -> None:
    assert_nothing_lost(staged("--in-process", "--seed", seed, "--faults", "all"))


@pytest.mark.long
def test_poison_ends_as_dead_letters_that_are_mended_and_redriven(
    staged: Callable[..., Ran], plain: Ran
) -> None:
    ran = staged("--seed", 1, "--faults", "poison")

    assert_nothing_lost(ran)
    assert ran.result["endings"][COMPLETED] == 2
    assert ran.result["remarks"] == [
        "dead letters at first: 1 x BAD_URL in event-short-url-dlq",
        "dead letters at first: 1 x UNDECODABLE in demand-stream-to-sqs-dlq",
        "dead letters at first: 1 x UNDECODABLE in event-short-url-dlq",
        "a stranger's message stays in event-short-url-dlq, 1 x",
    ]
    assert ran.result["state"] == plain.result["state"]


@pytest.mark.parametrize("run", ["plain", "under_all"])
def test_no_personal_data_is_in_what_workers_print(run: str, request: pytest.FixtureRequest) -> None:
    printed = request.getfixturevalue(run).printed_by_workers

    leaked = [
        f"{place}: {each}"
        for place, (phone, email) in CANARIES.items()
        for each in (phone.removeprefix("+"), email.partition("@")[0])
        if each in printed
    ]
    assert leaked == []
    assert "dmnd.shortenEventUrl" in printed


def test_people_get_a_table_and_a_verdict(tmp_path: Path) -> None:
    ran = demo(tmp_path, "short-links", "--in-process", "--events", 10)

    assert ran.code == 0
    assert "dmnd.demandStreamToSqs" in ran.stdout
    assert "records: deliveries, repeats included" in ran.stdout
    assert "Nothing was lost: 10 of 10 items are accounted for" in ran.stdout


def test_a_ledger_that_does_not_hold_fails_with_the_findings_by_item(tmp_path: Path) -> None:
    (tmp_path / "losing.py").write_text(LOSING)
    installed = tmp_path / "losing-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: losing\nVersion: 0\n")
    (installed / "entry_points.txt").write_text("[worker_runtime.local]\nlosing = losing\n")

    ran = demo(tmp_path, "losing", "--in-process", variables={"PYTHONPATH": str(tmp_path)})

    assert ran.code == 1
    assert "item-4: is gone" in ran.stdout
    assert "The ledger does not hold: 1 finding" in ran.stdout


def test_without_a_scenario_all_are_listed_with_what_they_show(tmp_path: Path) -> None:
    told, encoded = demo(tmp_path), demo(tmp_path, "--json")

    assert (told.code, encoded.code) == (0, 0)
    lines = [line for line in told.stdout.splitlines() if line.strip()]
    assert [line.split()[0] for line in lines[-len(SHOWN) :]] == list(SHOWN)
    assert encoded.result == {"scenarios": SHOWN}


@pytest.mark.parametrize(
    "arguments",
    [
        ["short-links", "--keep", "nowhere/local.env"],
        ["short-links", "--record", "nowhere/run.jsonl"],
        ["short-links", "--faults", "flood"],
        ["nothing-of-the-kind"],
        ["--events", "3"],
        ["--nonsense"],
    ],
)
def test_a_wrong_call_is_no_verdict(tmp_path: Path, arguments: list[str]) -> None:
    ran = demo(tmp_path, *arguments)

    assert ran.code == 2
    assert ran.stdout == ""
    assert ran.stderr
