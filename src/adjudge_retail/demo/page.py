"""The report as one self-contained page: what was earned, at what risk, and what people had to answer over time."""

from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

import msgspec

from adjudge.automation.backtesting import parts
from adjudge_retail.demo.earning import Key, saving, votes_of_people
from adjudge_retail.demo.figures import Row
from adjudge_retail.demo.report import Report

TEMPLATE: Final = "page.html"
POINTS: Final = 100
"""Of a risk-coverage curve."""
MOVING: Final = 60
"""Decisions of a slice over which votes are averaged as they go on."""


def page(report: Report) -> str:
    """Return the page: a template, the charts of the backtest's page, and the facts as JSON."""
    facts = {
        "slices": [
            {**one, "saved": _saved(report, key), "coverage_certified": _coverage(report, key)}
            for key, one in zip(report.keys, _slices(report), strict=True)
        ],
        "target": report.script.promise.target,
        "release": None if report.release.key is None else report.as_json()["made_worse"],
        "risk": _risk(report),
        "votes": [_votes(report, key) for key in _main(report)],
        "alone": [_alone(report, key) for key in _main(report)],
        "main": report.script.main.type,
    }
    # Inside a script element only "<" could end it; in JSON it stands in strings alone.
    encoded = msgspec.json.encode(facts).decode().replace("<", "\\u003c")
    template = files("adjudge_retail.demo").joinpath(TEMPLATE).read_text(encoding="utf-8")
    dressed = template.replace("{{style}}", parts.style()).replace("{{charts}}", parts.charts())
    return dressed.replace("{{about}}", escape(_about(report))).replace("{{facts}}", encoded)


def _about(report: Report) -> str:
    script, promise, fleet = report.script, report.script.promise, report.script.setting.fleet
    earned = (
        "What models answer alone is set by hand here, and not earned."
        if script.setting.is_example
        else f"In each group a model may answer alone where audits show, with {promise.confidence:.0%} confidence, "
        f"that at most {100 * promise.target:.3g}% of that is wrong."
    )
    return (
        f"{len(report.rows):,} decisions in {report.seconds:.0f} s, {len(fleet.stores)} simulated stores in "
        f"{len(fleet.groups)} groups. {earned} Seed {script.seed}, people's seconds divided by {script.speed:g}."
    )


def _main(report: Report) -> list[Key]:
    return [key for key in report.keys if key[0] == report.script.main.type]


def _slices(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = report.as_json()["automation"]
    return found


def _saved(report: Report, key: Key) -> float | None:
    """Return what was saved from the first certificate on."""
    first = next((turn.seconds for turn in report.earning.of(key)), None)
    rows = report.rows_of(key)
    return None if first is None else saving([r for r in rows if r.asked_seconds >= first], votes_of_people(rows)).saved


def _coverage(report: Report, key: Key) -> float | None:
    """Return which share a model answered alone while it was certified and saw the right pictures."""
    turns = report.earning.of(key)
    first = next((turn.seconds for turn in turns if turn.what == "certified"), None)
    last = next((turn.seconds for turn in turns if turn.what == "suspended"), report.seconds)
    if first is None:
        return None
    rows = [row for row in report.rows_of(key) if first < row.asked_seconds < last and not row.mixed_up]
    return sum(row.source == "model" for row in rows) / len(rows) if rows else None


def _risk(report: Report) -> list[dict[str, Any]]:
    """Return for each model of the main question how its risk grows with what it answers, on what was asked here."""
    script, found = report.script, []
    models = {script.model_of(*key): None for key in _main(report)}
    cases = [scene.case for scene in script.scenes if scene.case.source is script.main and scene.case.truth is not None]
    for model in models:
        assert model is not None
        beliefs = [(case.belief(model), case.truth) for case in cases]
        said = [(max(belief, key=belief.__getitem__), belief, truth) for belief, truth in beliefs if belief]
        judged = sorted(((belief[answer], answer != truth) for answer, belief, truth in said), reverse=True)
        found.append({"name": model, "points": _curve([wrong for _, wrong in judged], len(cases))})
    return found


def _curve(wrong: Sequence[bool], asked: int) -> list[tuple[float, float]]:
    """Return coverage and risk at some points, the surest answers first."""
    points, errors = [], 0
    step = max(1, len(wrong) // POINTS)
    for number, each in enumerate(wrong, start=1):
        errors += each
        if number % step == 0 and number >= 20:
            points.append((number / asked, errors / number))
    return points


def _votes(report: Report, key: Key) -> dict[str, Any]:
    rows = report.rows_of(key)
    return {
        "group": key[1],
        "usual": votes_of_people(rows),
        "points": _moving(rows, lambda row: float(row.votes)),
        "decided": _moving(rows, lambda row: float(row.votes - row.audit_votes)),
        "turns": [(turn.seconds, turn.what) for turn in report.earning.of(key)],
    }


def _alone(report: Report, key: Key) -> dict[str, Any]:
    rows = report.rows_of(key)
    return {"group": key[1], "points": _moving(rows, lambda row: float(row.source == "model"))}


def _moving(rows: Sequence[Row], value: Callable[[Row], float]) -> list[tuple[float, float]]:
    """Return means over the last decisions, by when the last of them was settled: questions wait for answers."""
    told = sorted((row.settled_seconds, value(row)) for row in rows if row.settled_seconds is not None)
    step = max(1, len(told) // POINTS)
    return [
        (told[end - 1][0], sum(each for _, each in told[end - MOVING : end]) / MOVING)
        for end in range(MOVING, len(told) + 1, step)
    ]
