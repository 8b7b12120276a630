"""`adjudge init`: what the tutorial's first page shows, to the letter."""

import json
import re
from pathlib import Path

import pytest
from tests.unit.config.documents import CLAIMS

from adjudge.cli.root import run

RULES = Path(__file__).parents[3] / "docs/how-to/rules-and-shadows.md"
MODEL = """\
def claim_risk(questions):        # any function: for each question a probability per answer, or None to abstain
    return [{"pay": (p := min(0.99, 40 / float(q.evidence["amount"]))), "refuse": 1 - p} for q in questions]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_project_is_the_one_of_the_first_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "claims"]) == 0

    assert (here / "claims/config/claims.yaml").read_text() == CLAIMS
    assert (here / "claims/deciders.py").read_text() == MODEL
    assert ".adjudge/" in (here / "claims/.gitignore").read_text().splitlines()
    assert capsys.readouterr() == ("", "")


def test_the_project_is_sound_and_its_questions_come_out_as_the_page_shows(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init", "claims"])
    monkeypatch.chdir(here / "claims")

    assert run(["config", "check"]) == 0
    assert run(["try", "questions.jsonl"]) == 0

    assert capsys.readouterr().out.splitlines()[-2:] == [
        "1  claim-risk@1: pay 0.99     accepted: pay",
        "2  claim-risk@1: pay 0.80     under 0.95: agents (1 vote, 10 min), else held 24 h, then refuse",
    ]


def test_what_was_made_is_told_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "claims", "--json"]) == 0

    made = json.loads(capsys.readouterr().out)
    assert made["folder"] == str(here / "claims")
    assert {str(path.relative_to(here / "claims")) for path in (here / "claims").rglob("*") if path.is_file()} == set(
        made["files"]
    )


def test_a_name_that_no_folder_can_have_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "x" * 300]) == 1

    assert capsys.readouterr().err.endswith(": File name too long\n")


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "claims").mkdir()
    (here / "claims/deciders.py").write_text("mine")

    assert run(["init", "claims"]) == 1

    assert (here / "claims/deciders.py").read_text() == "mine"
    assert [path.name for path in (here / "claims").iterdir()] == ["deciders.py"]
    assert "claims has deciders.py already: nothing was written" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").write_text("")

    assert run(["init", "file/claims"]) == 1

    assert capsys.readouterr().err.startswith("adjudge: cannot make file/claims")


def test_a_link_to_nowhere_is_not_written_through(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "claims").mkdir()
    (here / "claims/deciders.py").symlink_to(here / "elsewhere.py")

    assert run(["init", "claims"]) == 1

    assert not (here / "elsewhere.py").exists()
    assert "cannot make claims/deciders.py: File exists" in capsys.readouterr().err


def test_the_page_on_rules_shows_what_a_reader_of_it_sees(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rule, _, printed = re.findall(r"```(?:yaml)?\n(.*?)```", RULES.read_text(), re.DOTALL)
    command, *lines = printed.splitlines()
    run(["init", "claims"])
    monkeypatch.chdir(here / "claims")
    (here / "claims/config/rules.yaml").write_text(rule)
    capsys.readouterr()

    assert run(command.removeprefix("$ adjudge ").split()) == 0

    assert [timeless(line) for line in capsys.readouterr().out.splitlines()] == [timeless(line) for line in lines]


def timeless(line: str) -> str:
    return re.sub(r"[0-9.]+ (ms|s)\b", "…", line)
