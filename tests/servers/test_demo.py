"""The demo from outside: the command, on real servers, with everything it promises."""

import asyncio
import csv
import gzip
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adjudge_retail.demo.counting import Count, count

LABELS = ("apple", "pear", "plum")
SECONDS = 110

Run = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def demo(database_url: str, redis_url: str, tmp_path: Path) -> Run:
    """Runs the command in a folder of its own; returns its status and what it printed."""

    async def run(*arguments: str) -> tuple[int, str]:
        environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adjudge", "demo", *arguments),
            cwd=tmp_path,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(SECONDS):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, printed.decode()

    return run


def a_set(folder: Path, *, model: bool, people: bool) -> Path:
    """Sixty items of three labels; the model is right on five in six, people on nine in ten."""
    chance = random.Random(7)
    truth = {f"i-{number}": chance.choice(LABELS) for number in range(60)}
    folder.mkdir()
    (folder / "labels.csv").write_text("label\n" + "\n".join(LABELS) + "\n")
    _write(folder / "items.csv.gz", [("item_id", "truth"), *truth.items()])
    if model:
        rows = [
            (item, *_scores(right if chance.random() < 5 / 6 else chance.choice(LABELS), chance))
            for item, right in truth.items()
        ]
        (folder / "scores").mkdir()
        _write(folder / "scores" / "eye@1.csv.gz", [("item_id", *LABELS), *rows])
    if people:
        given = [
            (item, "", right if chance.random() < 0.9 else chance.choice(LABELS))
            for item, right in truth.items()
            for _ in range(5)
        ]
        _write(folder / "answers.csv.gz", [("item_id", "reviewer", "answer"), *given])
    return folder


def _scores(answer: str, chance: random.Random) -> list[float]:
    top = chance.uniform(0.5, 0.98)
    return [top if label == answer else (1 - top) / 2 for label in LABELS]


def _write(path: Path, rows: list[tuple[object, ...]]) -> None:
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file).writerows(rows)


async def test_the_demo_settles_all_it_asked_and_its_figures_can_be_computed_again(demo, database_url, tmp_path):
    """Promises 1 and 2, seen by a client: nothing accepted is lost, and nothing is settled twice."""
    status, printed = await demo(
        "--decisions", "80", "--exit", "--speed", "40", "--json", "f.json", "--outcomes", "f.csv"
    )

    assert status == 0, printed
    told = json.loads((tmp_path / "f.json").read_text())
    with (tmp_path / "f.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (told["decisions"], told["settled"], told["lost"], told["settled_twice"]) == (80, 80, 0, 0)
    assert len({row["decision"] for row in rows}) == 80
    assert told["by_source"] == {source: sum(row["source"] == source for row in rows) for source in told["by_source"]}
    assert told["votes_per_decision"] == pytest.approx(sum(int(row["votes"]) for row in rows) / 80, abs=1e-4)
    assert set(told["groups"]) == {"fresh", "express", "market"}
    assert "FROM outcome" in printed
    assert "Not real: votes are simulated" in printed
    await _is_what_the_database_says(database_url, rows)
    await _the_count_can_fail(database_url, [row["decision"] for row in rows])


async def _is_what_the_database_says(database_url: str, rows: list[dict[str, str]]) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetch("SELECT decision_id, version, answer, source FROM outcome WHERE kind = 'final'")
        votes = await connection.fetchval("SELECT count(*) FROM vote")
        evidence = await connection.fetch("SELECT body FROM evidence JOIN decision ON id = decision_id")
    finally:
        await connection.close()
    stored = {(str(row["decision_id"]), str(row["version"]), row["answer"], row["source"]) for row in found}
    assert stored == {(row["decision"], row["version"], row["answer"], row["source"]) for row in rows}
    assert votes == sum(int(row["votes"]) for row in rows)
    assert not [row for row in evidence if '"truth"' in row["body"]]


async def test_a_set_of_people_alone_is_played_back(demo, tmp_path):
    folder = a_set(tmp_path / "fruit", model=False, people=True)

    status, printed = await demo(
        "--decisions", "60", "--exit", "--speed", "60", "--data", str(folder), "--json", "f.json"
    )

    assert status == 0, printed
    told = json.loads((tmp_path / "f.json").read_text())
    assert told["by_source"] == {"reviewer": 60}
    assert "real people's answers, played back in their order" in printed


async def _the_count_can_fail(database_url: str, decisions: list[str]) -> None:
    """A count that could find nothing would prove nothing."""
    connection = await asyncpg.connect(database_url)
    try:
        run = await connection.fetchval("SELECT subject ->> 'run' FROM decision LIMIT 1")
        await connection.execute("DROP INDEX outcome_one_final")
        await connection.execute(SETTLE_AGAIN, decisions[0])
    finally:
        await connection.close()

    found = await count(database_url, [*decisions[:-1], str(uuid4())], run)

    accepted = len(decisions)
    assert found == Count(accepted=accepted, settled=accepted - 1, lost=1, settled_twice=1, not_in_ledger=1)


SETTLE_AGAIN = """
    INSERT INTO outcome (decision_id, version, kind, answer, source, confidence, deciders, reason, code, certificate,
                         relied, attempt_id, votes, cost, path)
    SELECT decision_id, version + 1, kind, answer, source, confidence, deciders, reason, code, certificate,
           relied, attempt_id, votes, cost, path
    FROM outcome WHERE decision_id = $1::text::uuid
"""


async def test_a_folder_that_is_no_labelled_set_is_refused_in_one_line(demo, tmp_path):
    (tmp_path / "empty").mkdir()

    status, printed = await demo("--data", "empty", "--exit")

    assert status == 2
    assert printed.strip().splitlines() == [
        f"adjudge: {tmp_path / 'empty'}: there is no labels.csv, labels.csv.gz or labels.parquet"
    ]
