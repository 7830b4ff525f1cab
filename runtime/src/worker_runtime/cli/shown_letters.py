"""How ``workers dead-letters`` shows letters, where they would go and where they went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from worker_runtime.local.commands.reporting import FAILED

if TYPE_CHECKING:
    from worker_runtime.local.commands.reporting import Output
    from worker_runtime.local.dead_letters.office import Listed, Opened, Way
    from worker_runtime.local.dead_letters.redriving import Redriven, Went


def tell_redriven(done: Redriven, output: Output) -> None:
    """Say what went and what stayed; typer.Exit where not all that waited went."""
    if output.as_json:
        output.json(done)
    else:
        again = f", {len(done.rejected)} of them rejected again" if done.rejected else ""
        output.lines([(f"{done.sent} sent back{again}, {len(done.kept)} kept", "bold")])
        output.lines([(_went(each), "") for each in done.went])
        output.lines([(f"  {why}", "red") for why in (*done.kept, *done.rejected, *_missed(done))])
    if done.kept or done.rejected or done.missed:
        raise typer.Exit(FAILED)


def _went(each: Went) -> str:
    """Say as what a letter went: under the id that it has now."""
    if not each.things:
        return f"  {each.record_id}: no filter of {each.worker} takes it any more"
    now = "" if each.things == (each.record_id,) else f" as {', '.join(each.things)}"
    return f"  {each.record_id} to {each.worker}{now}"


def _missed(done: Redriven) -> list[str]:
    """Say in one line that letters wait which were not met; none where all were."""
    if not done.missed:
        return []
    total = done.sent + len(done.kept) + done.missed
    return [f"{done.missed} of {total} not met: hidden for now, or behind one of their group; run it again."]


def show_letters(found: list[Listed], output: Output, *, clock: str) -> None:
    """Show what waits, a letter a row; ``clock`` says by which it was sent where that is in doubt."""
    if not found:
        output.text("No dead letters.")
        return
    columns = ("queue", "record", "worker", "code", "error", f"sent ({clock})" if clock else "sent")
    output.table(columns, [_row(each) for each in found])


def show_whole(opened: Opened, output: Output, *, clock: str) -> None:
    """Show a letter with all that it holds; ``clock`` says by which it was sent where that is in doubt."""
    letter = opened.letter
    known = {
        "worker": letter.worker or "?",
        "code": letter.code,
        "error": letter.error,
        "sent": f"{letter.sent_at} ({clock})" if clock else letter.sent_at,
        "form": letter.form,
        "message": letter.message_id,
        "problem": opened.problem,
    }
    output.lines(
        [
            (f"{letter.queue}  {letter.place}", "bold"),
            *(
                (f"  {name:8} {value}", "red" if name == "problem" else "")
                for name, value in known.items()
                if value
            ),
        ]
    )
    output.json(opened.records or letter.body)


def _row(each: Listed) -> list[tuple[str, str]]:
    texts = (each.queue, each.place, each.worker or "?", each.code, each.error, each.sent_at)
    return list(zip(texts, ("", "", "", "bold", "", "dim"), strict=True))


def show_ways(ways: list[Way], output: Output) -> None:
    """Show where letters would go."""
    if output.as_json:
        output.json({"ways": ways})
    else:
        output.table(("record", "would go to"), [[(way.record_id, ""), (way.to, "")] for way in ways])
