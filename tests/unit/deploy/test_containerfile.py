"""What cannot be built on every machine is held to its rules by reading it."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from adjudge.cli.environment import OF_COMMANDS
from adjudge.cli.settings import VARIABLES

ROOT = Path(__file__).parents[3]
FILE = ROOT / "deploy" / "Containerfile"
KNOWN = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL"),
    *("RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}


class Instruction(NamedTuple):
    name: str
    rest: str


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    found: list[list[Instruction]] = []
    for one in instructions(FILE.read_text(encoding="utf-8")):
        if one.name == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def instructions(text: str) -> list[Instruction]:
    """As the format has them: comments are whole lines, a backslash goes on in the next."""
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines()]


def only(stage: list[Instruction], name: str) -> str:
    [found] = [one.rest for one in stage if one.name == name]
    return found


def test_it_has_known_instructions_alone_and_adds_nothing_from_elsewhere(stages):
    assert {one.name for stage in stages for one in stage} <= KNOWN


def test_every_base_is_named_in_full_with_its_release(stages):
    bases = [only(stage, "FROM").split()[0] for stage in stages]

    assert [base for base in bases if not re.fullmatch(r"[a-z.]+\.[a-z]+/[\w./-]+:\d+\.\d+-[\w-]+", base)] == []
    assert len(set(bases)) == 1


def test_the_process_is_nobody_in_particular_and_never_root(stages):
    user, _, group = only(stages[-1], "USER").partition(":")

    assert int(user) >= 10_000
    assert int(group) >= 10_000
    names = [one.name for one in stages[-1]]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in {"COPY", "WORKDIR"})


def test_nothing_is_run_in_the_final_stage_and_nothing_is_writable_in_it(stages):
    """Without RUN and VOLUME, all that the user could write is gone with --read-only."""
    assert {one.name for one in stages[-1]} & {"RUN", "VOLUME"} == set()
    assert all("--chown" not in one.rest and "--chmod" not in one.rest for one in stages[-1])


def test_the_command_is_started_without_a_shell_so_that_signals_reach_it(stages):
    assert json.loads(only(stages[-1], "ENTRYPOINT")) == ["adjudge"]
    assert isinstance(json.loads(only(stages[-1], "CMD")), list)
    assert only(stages[-1], "STOPSIGNAL") == "SIGTERM"


def test_what_is_copied_from_the_repository_exists_and_is_let_through(stages):
    ignore = FILE.with_name("Containerfile.containerignore").read_text().splitlines()
    sources = [
        source
        for stage in stages
        for one in stage
        if one.name == "COPY" and not one.rest.startswith("--from")
        for source in one.rest.split()[:-1]
    ]

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert ignore[0] == "*"
    assert {f"!{source}" for source in sources} == {line for line in ignore if line.startswith("!")}


def test_packages_are_held_to_the_hashes_of_the_lock_and_come_from_nowhere_else(stages):
    build = [one.rest for one in stages[0] if one.name in {"RUN", "ENV"}]
    fetching, offline = build[:2]

    assert "--require-hashes --requirement requirements.lock" in fetching
    assert "PIP_NO_INDEX=1" in offline
    assert [step for step in build if "index-url" in step] == []


def test_it_sets_settings_that_exist_and_no_secret(stages):
    named = set(re.findall(r"\b(ADJUDGE_\w+|DATABASE_URL|REDIS_URL)=", only(stages[-1], "ENV")))

    assert named <= set(VARIABLES.values()) | OF_COMMANDS.keys()
    assert named & {"DATABASE_URL", "REDIS_URL", "ADJUDGE_KEY"} == set()
    assert set(only(stages[-1], "EXPOSE").split()) == set(re.findall(r"PORT=(\d+)", only(stages[-1], "ENV")))
