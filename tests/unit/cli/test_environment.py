"""`adjudge settings`: all of them, with sources, and nothing that nobody may see."""

import json

import pytest

from adjudge.cli.environment import listed, masked
from adjudge.cli.root import run
from adjudge.cli.settings import Settings, read_settings, variable_of


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """An environment without anything of ours."""
    for name in [*(variable_of(field) for field in Settings.model_fields), "ADJUDGE_KEY", "ADJUDGE_URL"]:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def shown(capsys) -> dict[str, dict[str, str]]:
    assert run(["settings", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_setting_is_listed_with_its_value_and_source(bare, capsys):
    bare.setenv("ADJUDGE_DRAIN_SECONDS", "4.5")

    settings = shown(capsys)

    assert {variable_of(field) for field in Settings.model_fields} <= settings.keys()
    assert settings["ADJUDGE_DRAIN_SECONDS"] == {
        "name": "ADJUDGE_DRAIN_SECONDS",
        "value": "4.5",
        "source": "environment",
    }
    assert settings["ADJUDGE_PORT"]["source"] == "default"


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("postgresql://adjudge:s3cret@db/adjudge", "postgresql://adjudge:****@db/adjudge"),
        ("postgresql://adjudge:s3c:r@t@db/adjudge", "postgresql://adjudge:****@db/adjudge"),
        ("redis://:s3cret@cache:6379/0", "redis://:****@cache:6379/0"),
        ("postgresql://db/adjudge?user=a&password=s3cret", "postgresql://db/adjudge?user=a&password=****"),
        ("postgresql://db/adjudge", "postgresql://db/adjudge"),
    ],
)
def test_passwords_are_masked_wherever_a_url_has_them(value, seen):
    assert masked("DATABASE_URL", value) == seen


def test_no_secret_is_printed_in_either_form(bare, capsys):
    bare.setenv("DATABASE_URL", "postgresql://adjudge:s3cret@db/adjudge")
    bare.setenv("ADJUDGE_KEY", "adj_s3cret")

    assert run(["settings"]) == run(["settings", "--json"]) == 0

    assert "s3cret" not in capsys.readouterr().out


def test_what_looks_like_a_setting_and_is_none_is_named_with_the_nearest(bare, capsys):
    bare.setenv("ADJUDGE_DRAIN_SECOND", "3")

    assert run(["settings"]) == 0

    row = capsys.readouterr().out.splitlines()[-1].split()
    assert " ".join(row) == "ADJUDGE_DRAIN_SECOND 3 not a setting; ADJUDGE_DRAIN_SECONDS?"


def test_a_value_that_does_not_fit_is_one_line_with_its_variable(bare, capsys):
    bare.setenv("ADJUDGE_PORT", "http")
    bare.setenv("ADJUDGE_AUDIT_RATE", "2")

    assert run(["api"]) == 1

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ADJUDGE_PORT: " in said
    assert "ADJUDGE_AUDIT_RATE: " in said


def test_every_setting_says_what_it_is():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_an_unset_variable_is_from_the_default():
    assert {one.source for one in listed(read_settings(), {})} == {"default"}
