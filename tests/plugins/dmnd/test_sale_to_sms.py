"""From a due sale to a delivered SMS on the stage: every fan's story ends as it has to, whatever strikes.

CI's short form: the whole scenario with few fans, and its smaller kin with fewer, plain, under each fault
and under all of them, each with a seed of its own; the whole under all for further seeds, ten in all, and a
large fan-out. Processes carry the whole scenario of the first seed and the large one; all others run in
one process, where time jumps. The ledger counts each fan's SMS; see ``test_sale_ledger.py`` for what it
lets nobody get away with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from demos import Ran, assert_nothing_lost, demos
from workers_dmnd.local.sale_to_sms.cast import FIRST_NUMBER
from workers_dmnd.local.sale_to_sms.poison import CANARY
from workers_dmnd.local.sale_to_sms.stories import Story

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE: Final = "sale-to-sms"
KIN: Final = ("nothing-to-tell", "sign-ups", "late-receipts", "no-way-through")
LARGE: Final = "large-fan-out"
FANS: Final = {WHOLE: 40, LARGE: 1_500, **dict.fromkeys(KIN, 12)}
FAULTS: Final = ("", "duplicate", "poison", "outage", "crash", "all")
BY_LONG_URL: Final = "is announced by its long URL"
"""What the generator says where Bitly is down for longer than a sale can wait."""

FURTHER_SEEDS: Final = range(1 + len(KIN), 10)
OF_A_SEED: Final = 20  # fans of the whole scenario, where only the seed is another
SENDER: Final = "dmnd.notificationSend"

Key = tuple[str, int, str]


def calls() -> list[Key]:
    each_fault = [(name, seed, fault) for seed, name in enumerate((WHOLE, *KIN)) for fault in FAULTS]
    return [*each_fault, *((WHOLE, seed, "all") for seed in FURTHER_SEEDS), (LARGE, 1, "all")]


def fans(key: Key) -> int:
    name, seed, _ = key
    return OF_A_SEED if name == WHOLE and seed else FANS[name]


def how(key: Key) -> tuple[str, ...]:
    """Say how one is run: in processes, or all in one."""
    name, seed, _ = key
    in_processes = name == LARGE or (name == WHOLE and seed == 0)
    return () if in_processes else ("--in-process",)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Key, Ran]:
    """Run them all, some at a time."""
    asked = [
        (name, "--json", "--events", fans(key), "--seed", seed, "--faults", fault, *how(key))
        for key in calls()
        for name, seed, fault in [key]
    ]
    return dict(zip(calls(), demos(tmp_path_factory.mktemp("sales"), asked), strict=True))


@pytest.fixture(scope="module")
def plain(runs: Mapping[Key, Ran]) -> Ran:
    return runs[WHOLE, 0, ""]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", calls(), ids=lambda key: "-".join(str(part) for part in key if part != ""))
def test_every_fan_is_accounted_for(runs: Mapping[Key, Ran], key: Key) -> None:
    assert_nothing_lost(runs[key])


@pytest.mark.long
@pytest.mark.parametrize(("seed", "name"), list(enumerate((WHOLE, *KIN))), ids=str)
def test_faults_do_not_change_the_end(runs: Mapping[Key, Ran], name: str, seed: int) -> None:
    ends = {fault: runs[name, seed, fault].result for fault in FAULTS}

    endings = {fault: ended["endings"] for fault, ended in ends.items()}
    assert endings == dict.fromkeys(FAULTS, endings[""])
    differing = {fault for fault, ended in ends.items() if ended["state"] != ends[""]["state"]}
    assert all(BY_LONG_URL in runs[name, seed, fault].printed_by_workers for fault in differing), differing


@pytest.mark.long
def test_every_kind_of_ending_is_played(plain: Ran) -> None:
    assert [ending for ending in plain.result["endings"] if ending in set(Story)] == list(Story)


@pytest.mark.long
def test_the_sender_is_crashed_and_what_it_left_goes_on(runs: Mapping[Key, Ran]) -> None:
    crashed = [run for (name, _, fault), run in runs.items() if name == WHOLE and fault in ("crash", "all")]

    assert all(run.result["workers"][SENDER]["crashes"] for run in crashed)
    assert any("StuckRecovered" in run.printed_by_workers for run in crashed)


@pytest.mark.long
def test_an_outage_is_felt(runs: Mapping[Key, Ran]) -> None:
    assert runs[WHOLE, 0, "outage"].total("retries") > 0


@pytest.mark.long
def test_what_nobody_can_mend_stays_a_dead_letter(runs: Mapping[Key, Ran]) -> None:
    remarks = runs[WHOLE, 0, "poison"].result["remarks"]

    assert "dead letters at first: 1 x ORPHAN_RECEIPT in sms-status-dlq" in remarks
    assert "dead letters at first: 1 x UNDECODABLE in notification-send-dlq" in remarks


@pytest.mark.long
@pytest.mark.parametrize("faults", ["", "all"])
def test_no_phone_number_is_in_what_workers_print(runs: Mapping[Key, Ran], faults: str) -> None:
    printed = runs[WHOLE, 0, faults].printed_by_workers

    assert FIRST_NUMBER.removeprefix("+")[:9] not in printed
    assert not any(each.removeprefix("+").partition("@")[0] in printed for each in CANARY)
    assert SENDER in printed
