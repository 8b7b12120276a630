"""What a command prints can be read by a program, whatever models print."""

import json
import sys
from pathlib import Path

import pytest

from adjudge.cli.own_output import own_output
from adjudge.cli.root import run

TALKING = """\
import os
print("weights are loaded")

def claim_risk(questions):
    print("a batch of", len(questions))
    os.write(1, b"a library in C\\n")
    return [{"pay": 0.99, "refuse": 0.01} for _ in questions]
"""


@pytest.mark.parametrize(
    "command",
    [
        ("config", "check"),
        ("try", "questions.jsonl"),
        ("deciders", "check", "claim-risk@1", "--questions", "questions.jsonl"),
    ],
    ids=" ".join,
)
def test_what_models_print_is_not_among_it(command, tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert run(["init", "claims"]) == 0
    monkeypatch.chdir(tmp_path / "claims")
    Path("deciders.py").write_text(TALKING)
    capfd.readouterr()

    assert run([*command, "--json"]) == 0

    out, err = capfd.readouterr()
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())
    assert "weights are loaded" in err


def test_afterwards_standard_output_is_as_it_was(capfd):
    with own_output():
        print("meanwhile")
    print("afterwards")

    assert capfd.readouterr() == ("afterwards\n", "meanwhile\n")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_where_one_of_the_two_is_closed_nothing_is_led_anywhere(name, monkeypatch):
    monkeypatch.setattr(sys, name, None)

    with own_output():
        print("to nobody, or as ever")
