import csv
import json
from dataclasses import replace

import pytest

from adjudge_retail.demo.cases import folder_sources
from adjudge_retail.demo.counting import Count
from adjudge_retail.demo.figures import Row, by_group, figures, percentile
from adjudge_retail.demo.report import Report, write_json, write_rows
from adjudge_retail.demo.script import write_script
from adjudge_retail.demo.telling import conclusion, next_steps
from adjudge_retail.labelled import read_set

ROW = Row("i-1", "d-1", "a", "model", 0, 1, 10.0, "item.label", "store-01", "fresh", "a")
ROWS = [
    ROW,
    replace(ROW, decision="d-2", answer="b", milliseconds=20.0),
    replace(ROW, decision="d-3", source="reviewer", votes=3, milliseconds=4000.0, group="express"),
    replace(ROW, decision="d-4", source="fallback", answer="c", milliseconds=9000.0, group="market", truth=None),
    replace(ROW, decision="d-5", source="", answer="", votes=1, milliseconds=None, version=0),
]
GOOD = Count(accepted=5, settled=5, lost=0, settled_twice=0, not_in_ledger=0)


@pytest.fixture
def report(make_set):
    script = write_script(folder_sources(read_set(make_set())), 5, speed=None, seed=1, run="r")
    return Report(script=script, rows=ROWS[:3], count=GOOD, refused={}, seconds=12.5, latest_seconds=0.1)


def test_figures_are_what_they_say():
    found = figures(ROWS)

    assert found.decisions == 5
    assert found.by_source == {"fallback": 1, "model": 2, "reviewer": 1}
    assert found.coverage == 0.5  # of four settled; the fallback is beside it, never within
    assert found.error_by_source == {"model": 0.5, "reviewer": 0.0}  # the fallback's truth is not known
    assert found.votes_per_decision == 0.8
    assert (found.p50_ms, found.p95_ms) == (20.0, 9000.0)


def test_figures_of_nothing_are_unknown_not_zero():
    found = figures([])

    assert (found.coverage, found.error, found.votes_per_decision, found.p50_ms) == (None, None, None, None)


def test_groups_add_up():
    groups = by_group(ROWS, ("fresh", "express", "market"))

    assert {group: found.decisions for group, found in groups.items()} == {"fresh": 3, "express": 1, "market": 1}


def test_percentiles_are_values_that_occurred():
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
    assert percentile([7.0], 0.5) == 7.0


def test_every_figure_can_be_computed_again_from_the_csv(report, tmp_path):
    write_rows(ROWS, tmp_path / "rows.csv")
    write_json(replace(report, rows=ROWS), tmp_path / "figures.json")

    with (tmp_path / "rows.csv").open() as file:
        read = list(csv.DictReader(file))
    told = json.loads((tmp_path / "figures.json").read_text())
    assert list(read[0])[:7] == ["item", "decision", "answer", "source", "votes", "version", "milliseconds"]
    settled = [row for row in read if row["source"]]
    assert told["coverage"] == sum(row["source"] in {"model", "rule"} for row in settled) / len(settled)
    assert told["votes_per_decision"] == sum(int(row["votes"]) for row in read) / len(read)
    assert told["groups"]["fresh"]["decisions"] == sum(row["group"] == "fresh" for row in read)


def test_the_json_has_what_is_promised(report):
    promised = {
        "decisions", "settled", "lost", "settled_twice", "by_source", "coverage", "error_by_source",
        "votes_per_decision", "seconds", "p50_ms", "p95_ms", "groups",
    }  # fmt: skip

    assert promised <= set(report.as_json())


@pytest.mark.parametrize(("votes", "said"), [(2, "33% fewer"), (4, "33% more")])
def test_more_votes_than_three_people_give_are_not_called_fewer(report, votes, said):
    asked = replace(report, rows=[replace(ROW, source="reviewer", votes=votes)])

    assert f": {said}, with" in conclusion(asked)


def test_a_run_without_faults_has_none(report):
    assert report.faults() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"count": replace(GOOD, settled=4, lost=1)}, "1 accepted decisions have no final outcome"),
        ({"count": replace(GOOD, settled_twice=1)}, "settled twice"),
        ({"count": replace(GOOD, not_in_ledger=2)}, "was not told of"),
        ({"refused": {"e-1": "too much"}}, "not accepted, as: too much"),
        ({"rows": ROWS}, "by fallback"),
    ],
)
def test_each_fault_fails_the_demo(report, changed, said):
    (fault,) = replace(report, **changed).faults()

    assert said in fault


def test_what_to_try_next_names_real_ids():
    said = next_steps(ROWS[:3], "http://127.0.0.1:8400", None)

    assert "adjudge decisions show d-3" in said  # people's
    assert "adjudge decisions show d-1" in said  # a model's
    assert "adjudge decisions truth d-2 a --source recount" in said  # a wrong one, and its truth
