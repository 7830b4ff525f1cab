"""The report of a scenario as people and programs read it, shown by the commands that run one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker_runtime.local.commands.reporting import Output
    from worker_runtime.local.demo.report import Report


def show(report: Report, output: Output, *, logs: str) -> None:
    """Write the workers' counts, how the items ended, and the verdict; ``logs`` says where the output is."""
    if output.as_json:
        output.json(report.plain())
        return
    from worker_runtime.local.commands.number_lines import terminal_width  # noqa: PLC0415 - JSON needs none
    from worker_runtime.local.demo.tables import LEGEND, table_lines  # noqa: PLC0415 - as above

    heading, *lines = table_lines(report.workers, width=terminal_width())
    output.lines([("", ""), (heading, "bold"), *((line, "") for line in lines), (LEGEND, "dim"), ("", "")])
    outcome = report.outcome
    output.lines([(f"{count:5}  {ending}", "") for ending, count in outcome.endings.items()])
    output.lines([(f"       {remark}", "dim") for remark in outcome.remarks])
    output.lines([("", ""), *((f"{each.item}: {each.problem}", "red") for each in outcome.findings)])
    output.lines(
        [(report.verdict(), "bold green" if report.holds else "bold red"), (f"{logs}: {report.logs}", "dim")]
    )
