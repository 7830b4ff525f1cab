"""The same seed, the same run: two demos in one process each leave equal lineage files."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from demos import assert_nothing_lost, demos
from worker_runtime.local.stage.lineage.dump import dump

pytestmark = pytest.mark.long

CALLS = (
    ("short-links", "--events", 20, "--seed", 3, "--faults", "all"),
    ("sale-to-sms", "--events", 20, "--seed", 3, "--faults", "all"),
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_a_seed_makes_a_run_in_one_process_repeatable(call: tuple[object, ...], tmp_path: Path) -> None:
    runs = demos(tmp_path, [(*call, "--in-process", "--json")] * 2)

    for ran in runs:
        assert_nothing_lost(ran)
    first, second = (dump(Path(ran.result["logs"]).parent / "lineage.sqlite") for ran in runs)

    assert first.count("\n") > 100
    difference = list(unified_diff(first.splitlines(), second.splitlines(), lineterm="", n=0))
    assert difference[:8] == []
