"""What the demonstration says: what will happen, what has just happened, what came of it, what to do next."""

from collections.abc import Sequence
from shlex import quote
from typing import Final

from rich.markup import escape

from adjudge.core.counting import counted
from adjudge_retail.demo.configuration import BAD_EDGE, RATE
from adjudge_retail.demo.counting import QUERY
from adjudge_retail.demo.earning import Key, Turn
from adjudge_retail.demo.figures import EVERYTHING, Row, row_of
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.release import Release
from adjudge_retail.demo.report import Report, stated_audits
from adjudge_retail.demo.script import REVIEWERS, Script, questions_a_day

IN_SIGHT: Final = 10_000
"""Audits; how many more there would have to be says nothing any more."""
UNKNOWN: Final = "–"


def news(of: Turn | Release, script: Script, ledger: Ledger) -> tuple[str, str]:
    """Return what has just happened: when and what in a word or two, and the rest in words."""
    if isinstance(of, Release):
        assert of.key is not None
        words = (
            f"{of.key[1]}: its edge boxes get release {BAD_EDGE}, which hands the model the picture of another item. "
            f"To be seen within about {stated_audits(script, of.key)} audits"
        )
        return _head(of.seconds, "made worse", "yellow"), words
    name = f"{of.key[0].rpartition('.')[2]} · {of.key[1]}"
    if of.what == "suspended":
        return _head(of.seconds, of.what, "red"), f"{name}: {_why(of, ledger)}. People take over"
    threshold = UNKNOWN if of.threshold is None else f"{of.threshold:.3f}"
    words = (
        f"{name}: {script.model_of(*of.key)} answers alone from {threshold} on, after {of.audits} audits "
        f"({of.certificate})"
    )
    return _head(of.seconds, of.what, "green"), words


def _head(seconds: float, what: str, style: str) -> str:
    return f"{_clock(seconds)} [{style}]{what:<{len('certified again')}}[/]"


def _why(of: Turn, ledger: Ledger) -> str:
    """Return the watch's reason, and how many audits it had since the model was made worse."""
    entries = [(id_, entry) for id_, entry in ledger.entries.items() if entry.is_mixed_up]
    since = [row for row in (row_of(id_, entry, ledger) for id_, entry in entries) if (row.type, row.group) == of.key]
    audited = sum(row.audit_votes > 0 and row.source == "model" for row in since)
    why = of.slice.reason.removeprefix("suspended: ").partition("; since then")[0]
    return escape(why) + (f" (since it was made worse: {audited})" if since else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def counts_of(ledger: Ledger) -> str:
    """Return what the live line says beside the bar."""
    by_source: dict[str, int] = {}
    for entry in ledger.entries.values():
        if entry.is_settled and entry.decision.outcome is not None:
            source = entry.decision.outcome.source
            by_source[source] = by_source.get(source, 0) + 1
    settled = ", ".join(f"{source} {number}" for source, number in sorted(by_source.items()))
    waiting = len(ledger.entries) - ledger.settled
    return f"{settled or 'nothing settled yet'}; {waiting} open, {counted(sum(ledger.votes.values()), 'vote')}"


def introduction(script: Script) -> str:
    """Say what is going to happen, and what of it is not real."""
    sources, fleet = script.setting.sources, script.setting.fleet
    a_day = questions_a_day(fleet)
    sets = ", ".join(f"{source.type} from {source.labelled.name}" for source in sources)
    kinds = {
        "counted": "drawn from the counts of real people's answers",
        "real": "real people's answers, played back in their order",
        "simulated": "simulated (errors and seconds by assumption)",
    }
    people = sorted({kinds[_people(source.labelled.answers, counted=source.labelled.counted)] for source in sources})
    models = " Models play back recorded scores." if any(source.labelled.scores for source in sources) else ""
    pools = ", ".join(f"{number} {pool}" for pool, number in script.staff.items())
    return (
        f"{len(script.scenes):,} questions ({sets}) over {script.seconds:.0f} s at {len(fleet.stores)} stores, with a "
        f"burst and a pause whenever people have too much; at {a_day:,} such questions a day (assumed) that is "
        f"{len(script.scenes) / a_day:.1f} days. {REVIEWERS} people ({pools}), their seconds divided by "
        f"{script.speed:g} (--speed).\n{_bargain(script)}"
        f"Not real: votes are {'; '.join(people)}.{_truth(script)} Stores and times are assigned.{models}"
        f"{_malformed(script)}"
    )


def _bargain(script: Script) -> str:
    if not any(source.labelled.scores for source in script.setting.sources):
        return "There is no model in this set: people answer everything, and nothing can be earned.\n"
    if script.setting.is_example:
        return (
            "The configuration is the example of 120 stores as it stands: what models answer alone is set by hand, "
            "uncertified, and neither audited nor watched. Without --example it is earned.\n"
        )
    promise = script.promise
    return (
        f"Nothing is automated at first. In each group a model may answer alone where audits show, with "
        f"{promise.confidence:.0%} confidence, that at most {100 * promise.target:.3g}% of that is wrong (--target): "
        f"nearly every decision is audited until then, {RATE:.0%} afterwards. The rules are those of service; a looser "
        "target than live makes it a matter of hundreds of audits, not of thousands.\n"
    )


def _truth(script: Script) -> str:
    """Say who says what is true in an audit."""
    sources = [source for source in script.setting.sources if source.labelled.scores]
    if not sources:
        return ""
    if script.setting.is_example:
        return " Experts, who are asked where others do not agree, know the recorded truth, by assumption."
    if all(source.is_known for source in sources):
        return " Experts know the recorded truth, by assumption."
    return " Nobody knows the truth here: audits count disagreements with what most of three people say."


def _malformed(script: Script) -> str:
    """Say which scores no model may give."""
    told = ""
    for source in script.setting.sources:
        for decider, table in source.labelled.scores.items():
            if malformed := table.malformed:
                told += (
                    f"\n{decider} has {counted(len(malformed), 'row')} of {len(table.rows):,} "
                    f"in {source.labelled.name} that are no probabilities with the sum 1 (the first is "
                    f"{malformed[0]}): such answers are refused as malformed, and people answer."
                )
    return told


def _fewer(votes: float | None) -> str:
    if votes is None:
        return f"{UNKNOWN} fewer"
    saved = 1 - votes / EVERYTHING
    return f"{abs(saved):.0%} {'fewer' if saved >= 0 else 'more'}"


def conclusion(report: Report) -> str:
    """Return the sentences under the table."""
    count, script = report.count, report.script
    votes = report.all.votes_per_decision
    return (
        f"{count.accepted:,} decisions, {count.settled:,} settled, {count.lost} lost, "
        f"{count.settled_twice} settled twice, in {report.seconds:.1f} s\n"
        f"People's votes per decision: {decimal(votes)}, against {EVERYTHING} when three people answer everything: "
        f"{_fewer(votes)}, with {percent(report.all.error)} of all answers wrong. Votes for audits are counted.\n"
        f"{_story(report)}{_caveats(script)}Times are from when a question was due to its outcome; the demo itself "
        f"asked at most {report.latest_seconds:.1f} s late, and had the stores wait for people for "
        f"{report.held_seconds:.0f} s."
    )


def _story(report: Report) -> str:
    """Say what was earned, and what was lost."""
    if not report.keys:
        return ""
    earned = {turn.key for turn in report.earning.turns if turn.what == "certified"}
    missing = [_lacking(report, key) for key in report.keys if key not in earned]
    said = f"Earned in {len(earned)} of {len(report.keys)} slices."
    if missing:
        said += f" Not in {'; '.join(missing)}. Nothing is certified on fewer audits than live: ask more (--decisions)."
    return f"{said}\n{_lost(report)}"


def _lacking(report: Report, key: Key) -> str:
    found = report.earning.slices.get(key)
    more = None if found is None else found.standing.get("more_audits")
    lacking = "" if more is None else f" ({wanted(more)} audits)"
    return f"{key[0].rpartition('.')[2]} · {key[1]}{lacking}"


def _lost(report: Report) -> str:
    key, turn = report.release.key, report.suspension
    if key is None:
        return "No group answered enough alone for its model to be made worse: there was nothing to lose.\n"
    after = [row for row in report.rows_of(key) if row.mixed_up and row.source == "model"]
    wrong = sum(row.answer != row.truth for row in after)
    said = (
        f"Made worse in {key[1]} at {_clock(report.release.seconds)}: {len(after)} were answered alone, {wrong} wrong, "
    )
    others = sorted(group for kind, group in report.earning.certified if kind == key[0] and group != key[1])
    on = f"; {' and '.join(others)} went on" if others else ""
    if turn is None:
        return f"{said}and the run ended before the watch could know{on}.\n"
    return f"{said}until it was suspended at {_clock(turn.seconds)}{on}.\n"


def _caveats(script: Script) -> str:
    said = ""
    if script.repeated:
        said += f"{script.repeated} questions were about items asked before: their errors come together. "
    if again := script.replayed_set_aside:
        said += f"{again} were about items that the models had been chosen by: on these they do a little too well. "
    return said


def query_shown() -> str:
    """Return the query behind the counts."""
    return f"Counted in the database, against the demo's own ledger of accepted ids:\n{QUERY}"


def next_steps(rows: Sequence[Row], url: str, folder: str | None) -> str:
    """Return three commands with real ids. `folder`: where they must be run; None: here."""
    people = [row for row in rows if row.source == "reviewer"]
    known = [row for row in rows if row.is_settled and row.truth is not None]
    wrong = [row for row in known if row.answer != row.truth]
    first = (max(people, key=lambda row: row.votes, default=None) or rows[0]).decision
    second = next((row for row in rows if row.source == "model"), rows[-1]).decision
    third = next(iter(wrong or known), rows[0])
    where = "" if folder is None else f"\n  cd {folder}"
    return (
        f"The system stays up at {url} (Ctrl-C stops it). In another terminal:{where}\n"
        f"  adjudge decisions show {first}\n"
        f"  adjudge decisions show {second}\n"
        f"  adjudge decisions truth {third.decision} {quote(third.truth or third.answer)} --source recount"
    )


def _people(answers: object, *, counted: bool) -> str:
    return "simulated" if not answers else "counted" if counted else "real"


def wanted(more: int) -> str:
    return f"{more:,} more" if more <= IN_SIGHT else f"over {IN_SIGHT:,} more"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def decimal(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"
