"""`adjudge roi` on the live record is the backtest of the same record exported."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tests.unit.automation.voting import a_set
from tests.unit.cli.test_backtesting import write

from adjudge.cli.root import run

TERMS = "currency: EUR\nvote: 0.1\nwrong: 4\nplatform_per_day: 10\nset_up: 900\nitems_per_day: 1000\n"


def facts_of(page: Path) -> dict:
    return json.loads(re.search(r'id="facts">(.*?)</script>', page.read_text(), re.DOTALL)[1])


@pytest.fixture
def typed(database_url, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "set", a_set(240, people=8, votes=3))
    (tmp_path / "terms.yaml").write_text(TERMS)
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def command(*arguments: str) -> str:
        assert await asyncio.to_thread(run, arguments) == 0
        return capsys.readouterr().out

    return command


async def test_roi_agrees_with_the_backtest_of_the_exported_record(typed):
    await typed("import", "set", "--type", "shelf", "--at", "2026-10-05")
    options = ("--plan", "terms.yaml", "--target-risk", "0.05")

    live = json.loads(await typed("roi", "--type", "shelf", "--since", "2026-10-01T00:00Z", "--json", *options))
    await typed("export", "--type", "shelf", "--out", "out")
    await typed("backtest", "out", "--repeats", "25", "--html", "page.html", *options)

    facts = facts_of(Path("page.html"))
    (ours,), (theirs,) = live["curves"], facts["curves"]
    assert live["items"] == 240
    assert ours["decider"] == theirs["name"]
    costs = [
        10 + 1000 * (votes * 0.1 + wrong * 4) for votes, wrong in zip(theirs["votes"], theirs["wrong"], strict=True)
    ]
    assert ours["cost_per_day"] == pytest.approx(costs)
    assert ours["best_cost"] == pytest.approx(min(costs))
    today = facts["today"]
    assert ours["today"] == pytest.approx(1000 * (today["votes_per_item"] * 0.1 + (1 - today["accuracy"]) * 4))


async def test_roi_of_too_little_names_the_type_not_a_folder(typed, tmp_path, capsys):
    write(tmp_path / "few", a_set(4, people=8, votes=3))
    await typed("import", "few", "--type", "shelf", "--at", "2026-10-05")

    assert await asyncio.to_thread(run, ["roi", "--type", "shelf", "--since", "2026-10-01"]) == 1

    said = capsys.readouterr().err
    assert said.startswith("adjudge: nothing can be said of shelf since 2026-10-01: 4 items with a truth are too few")
