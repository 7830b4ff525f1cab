"""From a due sale to a delivered SMS on the stage: every fan's story ends as it has to, whatever strikes.

CI's short form: the whole scenario with few fans, plain, under each fault and under all of them for ten
seeds; its smaller kin and a large fan-out under all faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from demos import Ran, assert_nothing_lost, demos
from workers_dmnd.local.sale_to_sms.cast import FIRST_NUMBER
from workers_dmnd.local.sale_to_sms.poison import CANARY

if TYPE_CHECKING:
    from collections.abc import Mapping

FANS: Final = 40
FAULTS: Final = ("", "duplicate", "poison", "outage", "crash")
SEEDS: Final = range(10)
KIN: Final = ("nothing-to-tell", "sign-ups", "late-receipts", "no-way-through")

LARGE: Final = ("large-fan-out", 1, "all")
LARGE_FANS: Final = 1_500

Key = tuple[str, int, str]


def calls() -> list[Key]:
    whole = [("sale-to-sms", 0, fault) for fault in FAULTS]
    seeds = [("sale-to-sms", seed, "all") for seed in SEEDS]
    return [*whole, *seeds, *((name, 1, "all") for name in KIN), LARGE]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Key, Ran]:
    """Run them all, some at a time."""
    asked = [
        (
            key[0],
            "--json",
            "--events",
            LARGE_FANS if key == LARGE else FANS,
            "--seed",
            key[1],
            "--faults",
            key[2],
        )
        for key in calls()
    ]
    return dict(zip(calls(), demos(tmp_path_factory.mktemp("sales"), asked), strict=True))


@pytest.fixture(scope="module")
def plain(runs: Mapping[Key, Ran]) -> Ran:
    return runs["sale-to-sms", 0, ""]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", calls(), ids=lambda key: "-".join(str(part) for part in key if part != ""))
def test_every_fan_is_accounted_for(runs: Mapping[Key, Ran], key: Key) -> None:
    assert_nothing_lost(runs[key])


@pytest.mark.long
@pytest.mark.parametrize("faults", [*FAULTS[1:], "all"])
def test_faults_do_not_change_the_end(runs: Mapping[Key, Ran], plain: Ran, faults: str) -> None:
    assert runs["sale-to-sms", 0, faults].result["state"] == plain.result["state"]


@pytest.mark.long
def test_each_fan_who_is_told_gets_one_sms_a_sending(plain: Ran) -> None:
    told = [ending for ending in plain.result["endings"] if ending.startswith("delivered")]

    assert len(told) == 7
    assert "not accounted for" not in plain.result["endings"]


@pytest.mark.long
def test_a_crash_is_a_crash_and_an_outage_is_felt(runs: Mapping[Key, Ran]) -> None:
    assert runs["sale-to-sms", 0, "crash"].total("crashes") > 0
    assert any(runs["sale-to-sms", seed, "all"].total("crashes") for seed in SEEDS)
    assert runs["sale-to-sms", 0, "outage"].total("retries") > 0


@pytest.mark.long
def test_what_nobody_can_mend_stays_a_dead_letter(runs: Mapping[Key, Ran]) -> None:
    remarks = runs["sale-to-sms", 0, "poison"].result["remarks"]

    assert "dead letters at first: 1 x ORPHAN_RECEIPT in sms-status-dlq" in remarks
    assert "dead letters at first: 1 x UNDECODABLE in notification-send-dlq" in remarks


@pytest.mark.long
@pytest.mark.parametrize("faults", ["", "all"])
def test_no_phone_number_is_in_what_workers_print(runs: Mapping[Key, Ran], faults: str) -> None:
    printed = runs["sale-to-sms", 0, faults].printed_by_workers

    assert FIRST_NUMBER.removeprefix("+")[:9] not in printed
    assert not any(each.removeprefix("+").partition("@")[0] in printed for each in CANARY)
    assert "dmnd.notificationSend" in printed
