"""What sources whose caller waits have in common: every outcome is told in the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.replies import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.grants import Grant
    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record


class AnsweringSource(Struct, frozen=True, rename="camel"):
    """A source without order, dead letters or permissions of its own: the caller hears all there is."""

    @property
    def ordered(self) -> bool:
        """Requests overtake one another."""
        return False

    @property
    def stops(self) -> bool:
        """One failed request holds back no other."""
        return False

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:  # noqa: ARG002 - each has its answer
        """Change nothing: every outcome has an answer."""
        return outcome

    def effects(
        self,
        records: Sequence[Record[Any]],  # noqa: ARG002 - the caller is told, nobody else
        outcomes: Sequence[Outcome],  # noqa: ARG002 - as above
        *,
        worker: str,  # noqa: ARG002 - as above
    ) -> list[Effect]:
        """Nothing: the caller is told in the reply."""
        return []

    def grants(self) -> tuple[Grant, ...]:
        """Nothing: being invoked takes no permission of the worker's own."""
        return ()


def fitting(answers: list[Any], *, limit: int, instead: Callable[[int], Any]) -> list[int]:
    """Exchange the largest answers for what is said ``instead`` of them until all have ``limit`` bytes.

    The others are not to fail with them. Returns the places of those that were exchanged.
    """
    sizes = [size_of(each, limit=0) for each in answers]
    total = sum(sizes) + 2 * len(answers)  # the brackets, and a comma and a space after each
    exchanged = []
    for at in sorted(range(len(answers)), key=sizes.__getitem__, reverse=True):
        if total <= limit:
            break
        other = instead(at)
        if (saved := sizes[at] - size_of(other, limit=0)) > 0:
            answers[at] = other
            total -= saved
            exchanged.append(at)
    return exchanged
