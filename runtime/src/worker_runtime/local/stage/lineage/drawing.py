"""Draws what was traced as a tree of lines, each with its style; times are the stage's, with the machine's.

A moment is told by the stage's clock, and behind it how many seconds of the machine's time after the
first moment of the tree it was.
"""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.log_lines import said_more
from worker_runtime.local.stage.lineage.told import Back, Cause, Logged, Made, Step, Told, Try, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker_runtime.local.stage.lineage.finding import Traced

    Line = tuple[str, str]

_SHORT: Final = 100
_BODY: Final = 200
_LINES: Final = 3  # of one try, where not all are asked for
_TELLING: Final = frozenset(("WARNING", "ERROR", "CRITICAL"))
_STYLES: Final = {"done": "green", "skip": "dim", "retry": "yellow", "defer": "yellow", "reject": "red"}
_KINDS: Final = {
    "sqs": "message",
    "kinesis": "record",
    "dynamodb": "change",
    "sns": "message",
    "s3": "object",
}


def draw(traced: Traced, *, all_lines: bool) -> list[Line]:
    """Draw what was found, one tree after another."""
    drawn: list[Line] = []
    for told in traced.found:
        if drawn:
            drawn.append(("", ""))
        drawn += _Tree(told.wall, all_lines=all_lines).top(told)
    return drawn


class _Tree:
    """Draws one tree; ``began`` is the machine's time that others are told from."""

    def __init__(self, began: float, *, all_lines: bool) -> None:
        self._began = began
        self._all_lines = all_lines

    def top(self, told: Way | Try | Made) -> list[Line]:
        """Draw what a tree is of."""
        if isinstance(told, Way):
            if told.came_from:
                self._began = told.came_from[0].wall
            return [*self._causes(told.came_from), *self._way(told)]
        return self._try(told) if isinstance(told, Try) else self._made(told)

    def _causes(self, causes: Sequence[Cause]) -> list[Line]:
        lines = []
        for cause in causes:
            by = f" by {cause.worker}" if cause.worker else " from outside"
            lines.append(
                (f"{self._when(cause)}  {cause.how} {_thing(cause.target, cause.thing)}{by}", "cyan")
            )
            if cause.record is not None:
                lines.append((f"    for {cause.record} in request {cause.request}", "dim"))
            elif cause.among:
                among = _cut(", ".join(cause.among), _SHORT)
                lines.append(
                    (f"    for one of {len(cause.among)} in request {cause.request}: {among}", "dim")
                )
        return [*lines, ("  │", "cyan")] if lines else []

    def _way(self, way: Way) -> list[Line]:
        head = f"{way.worker}  {_kind(way.source)} {way.record}"
        if way.seen:
            return [(f"{head} (told above)", "dim")]
        said = [f"{self._when(way)}  {way.bytes:,} bytes from {_name(way.source)}"]
        said += [f"item {way.item}"] if way.item else []
        said += [f"correlation id {way.correlation}"] if way.correlation else []
        body = _cut(way.body, 10 * _BODY if self._all_lines else _BODY)
        details = [(", ".join(said), ""), *([(body, "dim")] if body else [])]
        if way.refused is not None:
            refused = way.refused if self._all_lines else _cut(way.refused, _BODY)
            return _node((head, "bold"), [*details[:1], (f"no filter took it: {refused}", "red")], [])
        events = [self._event(event) for event in way.events]
        if not events:
            events = [[("not handed over yet", "yellow")]]
        return _node((head, "bold"), details, events)

    def _event(self, event: Try | Step) -> list[Line]:
        return self._try(event) if isinstance(event, Try) else self._step(event)

    def _try(self, tried: Try) -> list[Line]:
        told = [f"of {tried.batch}" if tried.batch != 1 else "alone"]
        told += [f"receive {tried.receives}"] if tried.receives is not None else []
        told += [f"cold {tried.init_ms:.0f} ms"] if tried.init_ms else []
        told += [f"{tried.took_ms:.0f} ms"] if tried.took_ms is not None else []
        told += ["delivered twice"] if tried.repeated else []
        ending, style = _ending(tried)
        head = f"{self._when(tried)}  {ending}  [{tried.worker} {tried.request}, {', '.join(told)}]"
        details = [(tried.error, "red")] if tried.error else []
        details += [(f"struck by: {accident}", "magenta") for accident in tried.accidents]
        details += [(f"meanwhile: {accident}", "magenta") for accident in tried.meanwhile]
        details += [(text, "dim") for line in self._lines(tried.lines) for text in self._line(line)]
        sure = [self._made(made) for made in tried.made if made.sure]
        unsure = [self._made(made) for made in tried.made if not made.sure]
        if unsure:
            sure.append([(f"for any of the {tried.batch} records of the batch:", "dim"), *_branches(unsure)])
        if tried.more:
            sure.append([(f"and {tried.more:,} more; --all tells them", "dim")])
        return _node((head, style), details, sure)

    def _lines(self, lines: Sequence[Logged]) -> Sequence[Logged]:
        if self._all_lines:
            return lines
        return [line for line in lines if line.level in _TELLING or line.level is None][:_LINES]

    def _line(self, line: Logged) -> list[str]:
        """Word a printed line: in short, or whole but for what each one says."""
        level = line.level or "printed"
        if not self._all_lines:
            return [_cut(f"{level} {line.message}", _SHORT)]
        told = f"{self._when(line)}  {level} {line.message}"
        return f"{told}{said_more(line.whole)}".splitlines()

    def _made(self, made: Made) -> list[Line]:
        what = {"letter": "dead letter", "deferral": "put off as"}.get(made.kind, made.verb)
        refused = f"  refused: {made.error}" if made.error else ""
        style = "red" if made.kind == "letter" or refused else ""
        line = (
            f"{self._when(made)}  {what} {_thing(made.target, made.thing)}{refused}",
            style if made.sure else "dim",
        )
        ways = [self._way(way) for way in made.led_to] + [self._back(back) for back in made.sent_back_as]
        if made.more:
            ways.append([(f"and {made.more:,} more; --all tells them", "dim")])
        return [line, *_branches(ways)]

    def _step(self, step: Step) -> list[Line]:
        match step.kind:
            case "waits":
                text, style = f"comes again at {_clock(step.until or step.at)} ({step.detail})", "yellow"
            case "throttled":
                text, style = f"throttled {step.detail} times", "yellow"
            case "split":
                text, style = f"the batch is split: {step.detail}", "yellow"
            case "given up":
                letter = f", dead letter {step.letter}" if step.letter else ""
                text, style = f"given up: {step.detail}{letter}", "red"
            case _:
                text, style = step.kind, "green"
        backs = [self._back(back) for back in step.sent_back_as]
        return [(f"{self._when(step)}  {text}", style), *_branches(backs)]

    def _back(self, back: Back) -> list[Line]:
        line = (f"{self._when(back)}  sent back to {back.worker} as {back.thing}", "cyan")
        return [line, *(_branches([self._way(back.way)]) if back.way else [])]

    def _when(self, told: Told) -> str:
        return f"{_clock(told.at)} (+{max(told.wall - self._began, 0):.2f} s)"


def _node(head: Line, details: Sequence[Line], children: Sequence[Sequence[Line]]) -> list[Line]:
    """Draw a node: its line, what more is to be said of it, its branches."""
    margin = "│  " if children else "   "
    return [head, *((f"{margin}{text}", style) for text, style in details), *_branches(children)]


def _branches(children: Sequence[Sequence[Line]]) -> Iterable[Line]:
    """Hang drawn children under what was drawn before."""
    for at, child in enumerate(children, start=1):
        first, rest = ("└─ ", "   ") if at == len(children) else ("├─ ", "│  ")
        for number, (text, style) in enumerate(child):
            yield f"{first if number == 0 else rest}{text}", style


def _ending(tried: Try) -> tuple[str, str]:
    """Say in a word or two how a try ended for the record, else for the batch."""
    if tried.ended_at is None:
        return "not ended", "yellow"
    if tried.outcome is not None:
        again = "" if tried.done is not False or tried.outcome == "retry" else ", but it comes again"
        reason = f": {_cut(tried.reason, _SHORT)}" if tried.reason else ""
        return f"{tried.outcome}{reason}{again}", _STYLES.get(tried.outcome, "yellow")
    ending = ", ".join(filter(None, (tried.answer if tried.answer != "reply" else None, tried.reading)))
    return ending or "replied", "green" if tried.answer == "reply" else "red"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%H:%M:%S.%f")[:-3]


def _thing(target: str, thing: str) -> str:
    return " ".join(filter(None, (target, thing)))


def _name(source: str) -> str:
    return (
        source.rpartition(":")[2].removeprefix("table/").removeprefix("stream/").partition("/")[0]
        or "a caller"
    )


def _kind(source: str) -> str:
    service = source.split(":")[2] if source.startswith("arn:") else ""
    return _KINDS.get(service, "event")


def _cut(text: str, most: int) -> str:
    """Shorten a text between words; within one where that would leave little, as of JSON without blanks."""
    text = " ".join(text.split())
    cut = shorten(text, most, placeholder=" …")
    return cut if cut == text or len(cut) > most // 2 else f"{text[: most - 1]}…"
