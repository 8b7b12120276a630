"""The alerts that we ship fire when they should, on metrics that are there, and each has its page."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.exposed import labels_of, unknown_to_us
from tests.promql import Series, alerting, written

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "deploy" / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = [
    rule
    for group in yaml.safe_load((ALERTS / "adjudge.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
TESTS = yaml.safe_load((ALERTS / "tests.yml").read_text(encoding="utf-8"))
HEADINGS = ("## What it means", "## Where to look", "## What to do")

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


@each_rule
def test_an_alert_names_only_what_is_exposed(rule):
    assert unknown_to_us(rule["expr"]) == set()


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ("sum(adjudge_votes)", {"adjudge_votes"}),
        ("adjudge_votes_total{decider='x'}", {"adjudge_votes_total{decider}"}),
        ("sum by (decider) (rate(adjudge_votes_total[5m]))", {"by (decider)"}),
        ("max by (pool) (adjudge_queue_waiting) + time()", set()),
    ],
)
def test_what_is_not_exposed_is_found(expression, unknown):
    assert unknown_to_us(expression) == unknown


@each_rule
def test_an_alert_tells_only_of_labels_that_it_has(rule):
    told = {name for text in rule["annotations"].values() for name in re.findall(r"\$labels\.(\w+)", text)}

    assert told <= labels_of(promql_parser.parse(rule["expr"]))


@each_rule
def test_an_alert_has_its_page(rule):
    page = RUNBOOKS / f"{rule['annotations']['runbook_url'].rsplit('/', 1)[1]}.md"
    text = page.read_text(encoding="utf-8")

    assert rule["alert"] in text.splitlines()[0]
    assert [heading for heading in HEADINGS if heading not in text] == []


def test_every_page_has_its_alert():
    named = {rule["annotations"]["runbook_url"].rsplit("/", 1)[1] for rule in RULES}

    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == named


@pytest.mark.parametrize("case", TESTS["tests"], ids=[case["name"] for case in TESTS["tests"]])
def test_as_told_in_the_test_file(case):
    series = [written(each, seconds(case["interval"])) for each in case["input_series"]]
    for expected in case["alert_rule_test"]:
        fired = firing(expected["alertname"], series, seconds(expected["eval_time"]))

        assert sorted(fired, key=str) == sorted(
            (each["exp_labels"] for each in expected.get("exp_alerts", ())), key=str
        )


def test_every_alert_is_seen_to_fire_and_to_keep_still_or_is_simple_enough():
    fired = {
        expected["alertname"]
        for case in TESTS["tests"]
        for expected in case["alert_rule_test"]
        if expected.get("exp_alerts")
    }

    assert fired == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule["alert"] != "AdjudgeDutyNotDone"], ids=lambda rule: rule["alert"]
)
def test_what_a_process_exposes_before_it_has_measured_anything_raises_no_alarm(rule):
    """An api or a worker never measures what keepers do, and is scraped like them; no keeper at all is an alarm."""
    page = subprocess.run(
        [sys.executable, "-c", FRESH_PAGE], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    series = [
        Series(
            frozenset({"__name__": sample.name, **sample.labels}.items()),
            [(minute * 60.0, sample.value) for minute in range(31)],
        )
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]

    assert series
    assert firing(rule["alert"], series, 1800) == []


FRESH_PAGE = """
import prometheus_client
from adjudge.telemetry import names
print(prometheus_client.generate_latest().decode())
"""


def firing(name: str, series: Any, until: float) -> list[dict[str, str]]:
    """The alerts of a rule that fire at a moment, having been evaluated all the time before."""
    [rule] = [alerting(rule) for rule in RULES if rule["alert"] == name]
    every = seconds(TESTS["evaluation_interval"])
    fired: list[dict[str, str]] = []
    for n in range(int(until / every) + 1):
        fired = rule.firing(series, n * every)
    return fired


def seconds(text: str) -> float:
    return promql_parser.parse_duration(text).total_seconds()
