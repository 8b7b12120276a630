"""`adjudge settings`: all of them, with sources, and nothing that nobody may see."""

import json
from pathlib import Path

import pytest

from adjudge.cli.environment import listed, masked
from adjudge.cli.refusing import Refused
from adjudge.cli.root import run
from adjudge.cli.settings import VARIABLES, read_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """An environment without anything of ours."""
    for name in [*VARIABLES.values(), "ADJUDGE_KEY", "ADJUDGE_URL"]:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def shown(capsys) -> dict[str, dict[str, str]]:
    assert run(["settings", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_every_setting_is_listed_with_its_value_and_source(bare, capsys):
    bare.setenv("ADJUDGE_DRAIN_SECONDS", "4.5")

    settings = shown(capsys)

    assert set(VARIABLES.values()) <= settings.keys()
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
        ("postgresql://adjudge:s3c/r@t@db/adjudge?password=a", "postgresql://adjudge:****@db/adjudge?password=****"),
        ("redis://:s3cret@cache:6379/0", "redis://:****@cache:6379/0"),
        ("postgresql://db/adjudge?user=a&password=s3cret", "postgresql://db/adjudge?user=a&password=****"),
        ("postgresql://db:5432/adjudge?password=s3c@ret", "postgresql://db:5432/adjudge?password=****"),
        ("postgresql://db/adjudge", "postgresql://db/adjudge"),
        ("adjudge:s3cret@db/adjudge", "adjudge:****@db/adjudge"),
    ],
)
def test_passwords_are_masked_wherever_a_url_has_them(value, seen):
    assert masked("DATABASE_URL", value) == seen


def test_no_secret_is_printed_in_either_form(bare, capsys):
    bare.setenv("DATABASE_URL", "postgresql://adjudge:s3cret@db/adjudge")
    bare.setenv("ADJUDGE_KEY", "adj_s3cret")
    bare.setenv("ADJUDGE_SECRET_OPENAI", "sk-s3cret")
    bare.setenv("ADJUDGE_SECRT_OPENAI", "sk-s3cret")

    assert run(["settings"]) == run(["settings", "--json"]) == 0

    assert "s3cret" not in capsys.readouterr().out


def test_what_looks_like_a_setting_and_is_none_is_named_with_the_nearest(bare, capsys):
    bare.setenv("ADJUDGE_DRAIN_SECOND", "3")

    assert run(["settings"]) == 0

    row = capsys.readouterr().out.splitlines()[-1].split()
    assert " ".join(row) == "ADJUDGE_DRAIN_SECOND **** not a setting; ADJUDGE_DRAIN_SECONDS?"


def test_a_value_that_does_not_fit_is_one_line_with_its_variable(bare, capsys):
    bare.setenv("ADJUDGE_PORT", "http")
    bare.setenv("ADJUDGE_AUDIT_RATE", "2")

    assert run(["api"]) == 1

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ADJUDGE_PORT: " in said
    assert "ADJUDGE_AUDIT_RATE: " in said


@pytest.mark.parametrize(("said", "meant"), [("on", True), ("Yes", True), ("1", True), ("OFF", False), ("no", False)])
def test_a_switch_is_read_as_people_write_it(bare, said, meant):
    bare.setenv("ADJUDGE_UNSAFE", said)

    assert read_settings().unsafe is meant


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ADJUDGE_PORT", "http", "expected `int`"),
        ("ADJUDGE_PORT", "0", "expected `int` >= 1"),
        ("ADJUDGE_LEASE_SECONDS", "nan", "expected `float` > 0.0"),
        ("ADJUDGE_AUDIT_RATE", "2", "expected `float` <= 1.0"),
        ("ADJUDGE_UNSAFE", "perhaps", "expected `bool`"),
        ("ADJUDGE_OUTBOUND_ALLOW", "localhost", "'localhost' is not an address"),
    ],
)
def test_what_stands_against_a_value_is_said(bare, variable, value, said):
    bare.setenv(variable, value)

    with pytest.raises(Refused, match=f"^{variable}: {said}"):
        read_settings()


def test_what_is_given_comes_before_the_environment_whose_names_are_read_in_any_case(bare):
    bare.setenv("adjudge_port", "8500")
    bare.setenv("ADJUDGE_HOST", "0.0.0.0")

    read = read_settings(host="127.0.0.2", config=Path("mine"), ready_file=None)

    assert (read.port, read.host, read.config, read.ready_file) == (8500, "127.0.0.2", Path("mine"), None)


@pytest.mark.usefixtures("logging_kept")
@pytest.mark.parametrize(
    "address", ["postgresql://us:s3c#ret@db/x", "postgresql://us:s3c/ret@db/x", "postgresql://us:s3c?ret@db/x"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["db", "upgrade"],
        ["keys", "create", "ops", "--role", "admin"],
        ["export", "--type", "claim.pay", "--out", "x"],
        ["worker"],
    ],
    ids=" ".join,
)
def test_no_command_quotes_a_part_of_a_password(bare, tmp_path, capsys, command, address):
    """In a password that was not written as it must be in a URL, something else is looked for."""
    bare.chdir(tmp_path)
    bare.setenv("DATABASE_URL", address)
    bare.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    assert run(command) == 1

    said = capsys.readouterr().err
    assert "%23" in said
    assert "s3c" not in said
    assert "ret" not in said


def test_an_unset_variable_is_from_the_default():
    assert {one.source for one in listed(read_settings(), {})} == {"default"}
