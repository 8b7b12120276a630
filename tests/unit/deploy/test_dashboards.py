"""The dashboards that we ship show what is exposed, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from tests.exposed import exposed, labels_of, unknown_to_us
from tests.promql import Evaluation, written

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
EXPRESSIONS = [
    pytest.param(board, target, id=f"{slug}: {panel['title']} {target['refId']}")
    for slug, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
]

each_board = pytest.mark.parametrize("slug", BOARDS)
each_expression = pytest.mark.parametrize(("board", "target"), EXPRESSIONS)


def test_there_is_one_for_each_part():
    assert {"overview", "store", "decider", "people", "streams"} <= BOARDS.keys()


@each_board
def test_a_dashboard_can_be_found_and_imported_anywhere(slug):
    board = BOARDS[slug]

    assert board["uid"] == f"adjudge-{slug}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert sources(board) == {"${datasource}"}


@each_board
def test_no_two_panels_lie_on_each_other(slug):
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in BOARDS[slug]["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


@each_expression
def test_a_panel_names_only_what_is_exposed(board, target):
    assert unknown_to_us(filled(target["expr"])) == set()


@each_expression
def test_a_panel_uses_only_variables_that_its_dashboard_has(board, target):
    used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}

    assert used <= {variable["name"] for variable in board["templating"]["list"]}


@each_expression
def test_a_legend_names_only_labels_that_its_lines_have(board, target):
    named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

    assert named <= labels_of(promql_parser.parse(filled(target["expr"])))


@each_board
def test_a_variable_takes_its_values_from_a_label_that_is_there(slug):
    for variable in BOARDS[slug]["templating"]["list"]:
        if variable["type"] == "query":
            [(metric, label)] = re.findall(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert label in exposed()[metric]


def filled(expression: str) -> str:
    """An expression with Grafana's variables put in."""
    return re.sub(r"\$(\w+)", lambda found: "5m" if found[1] == "__rate_interval" else ".*", expression)


def sources(value: Any) -> set[str]:
    """The sources of data that a dashboard names, wherever in it."""
    if isinstance(value, list):
        return {uid for each in value for uid in sources(each)}
    if not isinstance(value, dict):
        return set()
    own = {value["datasource"]["uid"]} if isinstance(value.get("datasource"), dict) else set()
    return own | sources(list(value.values()))


@pytest.mark.parametrize(
    ("settled", "coverage"),
    [
        ({("big", "model"): 99, ("small", "reviewer"): 1}, 0.99),
        ({("big", "model"): 60, ("big", "fallback"): 20, ("small", "rule"): 10, ("small", "reviewer"): 10}, 0.7),
        ({("big", "reviewer"): 50}, 0.0),
    ],
)
def test_coverage_is_of_all_that_was_settled_and_not_of_types(settled, coverage):
    """A type with few questions weighs little, and none settled by a model is 0, not nothing."""
    series = [
        written({"series": f'adjudge_decisions_settled_total{{type="{of}", source="{by}"}}', "values": f"0+{n}x60"}, 60)
        for (of, by), n in settled.items()
    ]
    [panel] = [panel for panel in BOARDS["overview"]["panels"] if panel["title"] == "Coverage"]
    asked = filled(panel["targets"][0]["expr"])

    [shown] = Evaluation(series, 3600.0).value(promql_parser.parse(asked)).values()

    assert shown == pytest.approx(coverage)
