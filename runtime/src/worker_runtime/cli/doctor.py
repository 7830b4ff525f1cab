"""``workers doctor``: what is wrong with what is installed, and the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker_runtime.local.commands.options import AsJson  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import FAILED, Misuse, Output, answering, examples

if TYPE_CHECKING:
    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.doctor.findings import Finding

app = typer.Typer(add_completion=False)


@app.command(
    "doctor",
    epilog=examples(
        "workers doctor",
        "workers doctor --expect dmnd.shortenEventUrl=0.3",
        "workers doctor --json | jq '.findings[].what'",
    ),
)
def doctor(
    *,
    expect: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=SECONDS", help="How long one record of a worker takes; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load every installed worker and plugin as far as that goes without AWS.

    Each finding says who, what and the cure. What is broken will not run; a warning is something that
    AWS allows and that its author may not expect, or that this machine lacks.

    Exit codes: 0 nothing is broken, 1 something is, 2 called wrongly.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
        from worker_runtime.cli import GROUPS  # noqa: PLC0415
        from worker_runtime.local.doctor.examination import examine  # noqa: PLC0415
        from worker_runtime.local.doctor.findings import as_plain  # noqa: PLC0415

        catalogue = installed()
        findings = examine(catalogue, expected_s=_expected(expect or [], catalogue), taken_names=GROUPS)
        if as_json:
            output.json(as_plain(findings))
        else:
            _show(findings, catalogue, output)
        if any(each.level == "broken" for each in findings):
            raise typer.Exit(FAILED)


def _expected(given: list[str], catalogue: Catalogue) -> dict[str, float]:
    expected = {}
    for each in given:
        name, _, seconds = each.partition("=")
        try:
            expected[catalogue.find(name)] = float(seconds)
        except ValueError:
            raise Misuse(f"--expect {each} is not ID=SECONDS.") from None
    return expected


def _show(findings: list[Finding], catalogue: Catalogue, output: Output) -> None:
    styles = {"broken": "bold red", "warning": "yellow"}
    for each in findings:
        output.lines(
            [
                (f"{each.level}: {each.who}", styles[each.level]),
                (f"  {each.what}", ""),
                (f"  cure: {each.cure}", "green"),
            ]
        )
    broken = sum(each.level == "broken" for each in findings)
    examined = f"workers: {len(catalogue.workers)}, plugins: {len(catalogue.plugins)}"
    verdict = f"broken: {broken}, warnings: {len(findings) - broken}"
    output.lines([(f"{examined}; {verdict}", "bold red" if broken else "bold green")])
