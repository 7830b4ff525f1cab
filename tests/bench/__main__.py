"""Measure the runtime beside its alternatives and print one table: ``python tests/bench [--short]``.

``--short`` takes seconds: only what has a goal, beside the peer of the goal; it fails where a row misses
six tenths of its goal, and never for a time.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

import batches
import delivery
import dispatch
import dynamodb_json
import machine
import one_request
import warm_invocation
from rounds import ROUNDS, SHORT_ROUNDS, collected, row_of
from table import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rounds import Case
    from table import Row

MARGIN: Final = 0.6
TRIES: Final = 3  # a neighbour may be noisy for a second


def main(arguments: list[str]) -> int:
    """Print the table; return 1 where the short form finds a goal missed by far."""
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the goals, in seconds, for CI")
    parser.add_argument(
        "--without", nargs="*", default=[], choices=("fan-out", "cold-start", "node", "stage")
    )
    given = parser.parse_args(arguments)
    print(machine.told())  # noqa: T201 - a benchmark prints
    listed = list(_short() if given.short else _full(skipped=given.without))
    print(told(listed))  # noqa: T201 - as above
    missed = [row.path for row in listed if row.goal and not row.goal.met(row, margin=MARGIN)]
    if given.short:
        print("\nA goal is missed by noise too: only what is below six tenths of its goal fails.")  # noqa: T201 - as above
    if given.short and missed:
        print(f"\nFar from its goal: {'; '.join(missed)}.")  # noqa: T201 - as above
        return 1
    return 0


def _cases() -> list[Case]:
    return [*batches.cases(), *_others()]


def _others() -> list[Case]:
    return [*delivery.cases(), *one_request.cases(), *dispatch.cases(), *dynamodb_json.cases()]


def _short() -> Iterator[Row]:
    for case in _cases():
        if case.goal is not None and case.steady:
            for _ in range(TRIES):
                row = row_of(case.short(), rounds=SHORT_ROUNDS)
                if case.goal.met(row, margin=MARGIN):
                    break
            yield row
    yield warm_invocation.beside_the_client_alone(invocations=warm_invocation.SHORT)


def _full(*, skipped: Iterable[str]) -> Iterator[Row]:
    import delivery_sizes  # noqa: PLC0415 - the short form has no time for it
    import growth  # noqa: PLC0415 - as above
    import memory  # noqa: PLC0415 - as above
    import waiting  # noqa: PLC0415 - as above

    for case in batches.cases():
        yield row_of(case)
        _tell_garbage(case)
    for case in _others():
        yield row_of(case)
    yield from waiting.rows(rounds=ROUNDS)
    yield from growth.rows(rounds=ROUNDS)
    yield from memory.rows()
    yield from delivery_sizes.rows(rounds=ROUNDS)
    if "node" not in skipped:
        import node_peer  # noqa: PLC0415 - as above

        yield from node_peer.rows(rounds=ROUNDS)
    if "cold-start" not in skipped:
        yield from _cold_starts()
    if "stage" not in skipped:
        import stage_rates  # noqa: PLC0415 - as above

        yield from warm_invocation.rows()
        yield from stage_rates.rows()
    if "fan-out" not in skipped:
        import fan_out  # noqa: PLC0415 - as above

        yield from fan_out.rows()


def _tell_garbage(case: Case) -> None:
    """Say what garbage collection took of a call, ours and the first peer's."""
    peer, candidate = next(iter(case.peers.items()))
    own, theirs = collected(case.ours, case.event), collected(candidate, case.event)
    print(  # noqa: T201 - as above
        f"garbage collection, {case.path}: {own.share:.0%} of ours ({own.full} full),"
        f" {theirs.share:.0%} of {peer} ({theirs.full} full)"
    )


def _cold_starts() -> Iterator[Row]:
    import cold_start  # noqa: PLC0415 - as above
    from table import Goal, Peer  # noqa: PLC0415 - as above
    from table import Row as Told  # noqa: PLC0415 - as above

    for row in cold_start.rows():
        yield Told(row.path, row.ours_ms, (Peer(row.peer, row.peer_ms),), Goal(row.goal, at_least=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
