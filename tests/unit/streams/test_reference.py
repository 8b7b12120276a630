"""The reference says what the code has: names, defaults, and no other."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from adjudge.cli.streams import app as commands
from adjudge.streams import BatchContext, Context, KeyRules, Retries, counting
from adjudge.streams.counting import Metric
from adjudge.streams.tasks import Options

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "streams.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("first", "kind"), [("option", Options), ("`Retries(…)`", Retries), ("`KeyRules(…)`", KeyRules)]
)
def test_every_option_is_listed_with_its_default(first, kind):
    listed = {cells[0].strip("`"): cells[-2].strip("`") for cells in rows(first)}

    defaults = {field.name: written(field) for field in dataclasses.fields(kind) if field.name != "name"}

    listed.pop("name", None)
    assert listed == defaults


def test_every_metric_is_listed_and_no_other():
    metrics = {f"{counting.PREFIX}{found.name}" for found in vars(counting).values() if isinstance(found, Metric)}

    assert {cells[0].strip("`") for cells in rows("metric")} == metrics


def test_every_member_of_a_context_is_listed_and_no_other():
    listed = {name for cells in rows("member", nth=1) for name in re.findall(r"`(\w+)", cells[0])}

    assert listed == public(Context)
    assert {"fail", "state"} <= public(BatchContext)


def test_every_command_and_every_option_of_run_is_listed_and_no_other():
    group: Any = typer.main.get_command(commands)
    listed = {re.findall(r"adjudge streams (\w+)", cells[0])[0] for cells in rows("command")}
    options = {name for cells in rows("option of `run`") for name in re.findall(r"--[a-z-]+", cells[0])}

    assert listed == set(group.commands)
    run = group.commands["run"]
    assert options == {name for each in run.params for name in each.opts if name.startswith("--")} - {"--help"}


def rows(first: str, nth: int = 0) -> list[list[str]]:
    """The cells of a table, which is found by the head of its first column."""
    tables = re.findall(rf"^\| {re.escape(first)} \|.*\n\|[ -|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in tables[nth].splitlines()]


def written(field: Any) -> str:
    default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
    if isinstance(default, Retries):
        return "Retries()"
    return str(default).replace("'", '"') if not isinstance(default, str) else f'"{default}"'


def public(kind: type) -> set[str]:
    return {name for name in (*vars(kind), *kind.__slots__) if not name.startswith("_")}
