"""What commands print of publications: revisions, processes and what each runs, previews, faults."""

from collections.abc import Iterator
from typing import Any

from adjudge.cli.output import NONE, Column, minute, precise, table
from adjudge.client import ConfigFault, ConfigMember, ConfigReceipts, ConfigRevision
from adjudge.core.counting import counted


def fault_line(fault: ConfigFault) -> str:
    """Return a fault as `config check` prints it."""
    place = f"{fault.document}:{fault.line}" if fault.line else fault.document
    hint = f"; did you mean `{fault.nearest}`?" if fault.nearest else ""
    return f"{place}: {fault.path}: {fault.detail}{hint}"


def standing(told: ConfigReceipts) -> str:
    """Say how far a publication has come."""
    refused = f"; refused by {', '.join(told.refused)}" if told.refused else ""
    waiting = f"; waiting for {', '.join(told.waiting)}" if told.waiting else ""
    have_it = counted(told.live, "process has it", "processes have it")
    return f"revision {told.revision}: {told.applied} of {have_it}{refused}{waiting}"


def fleet_lines(told: ConfigReceipts) -> Iterator[str]:
    """Yield the table of processes and what each runs."""
    columns = [Column(title) for title in ("PROCESS", "ROLE", "STATE", "REVISION", "SINCE", "WHY")]
    yield from table(columns, (_process(each, told.revision) for each in told.processes))


def _process(each: ConfigMember, newest: int) -> tuple[str, ...]:
    state = "runs it" if each.revision >= newest else "lags"
    if each.refused is not None and each.refused >= newest:
        state = "refused"
    if not each.is_live:
        state = f"silent for {precise(each.silent_seconds)}"
    return (each.name, each.role, state, str(each.revision), minute(each.since), each.why or each.drift or NONE)


def revision_row(found: ConfigRevision) -> tuple[str, ...]:
    """Return the row of a revision: number, when, by whom, where, hash, message."""
    where = "everywhere" if found.only_at is None else f"{', '.join(found.only_at)}; elsewhere {found.rest}"
    again = f" (again {found.again})" if found.again else ""
    return (
        str(found.number),
        minute(found.published_at),
        found.author,
        where,
        found.hash[:12],
        f"{found.message}{again}",
    )


def preview_row(name: str, tally: dict[str, Any]) -> tuple[str, ...]:
    """Return the row of a question type: how its decisions ended, and how they would have."""
    before, after = tally["before"], tally["after"]
    ends = (f"{before[end]} -> {after[end]}" for end in ("accepted", "people", "fallback"))
    costs = (
        f"{tally['cost_micros_before'].get(code, 0) / 1e6:.2f} -> {micros / 1e6:.2f} {code}"
        for code, micros in sorted(tally["cost_micros_after"].items())
    )
    unknown = str(after["unknown"] + after["no_plan"])
    return (name, str(tally["decisions"]), *ends, unknown, str(tally["other_answers"]), ", ".join(costs) or NONE)
