"""`adjudge export | import | retention | erase` as typed."""

import asyncio
import errno
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.servers.labelled.recorded import record

from adjudge.cli.root import run
from adjudge.labelled import exporting, tables
from adjudge.store.configuration import revisions
from adjudge.store.scope import SYSTEM

LABELS = "label\nale\nbread\n"
ITEMS = "item_id,truth\na,ale\nb,bread\n"


@pytest.fixture
def typed(database_url, monkeypatch, tmp_path, capsys):
    """A command line, run as a process would: in a thread of its own, which has no loop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def command(*arguments: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(run, arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


@pytest.fixture
def a_set(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "labels.csv").write_text(LABELS)
    (folder / "items.csv").write_text(ITEMS)
    return str(folder)


async def test_a_set_goes_in_and_out(typed, a_set):
    assert await typed("import", a_set, "--type", "shelf", "--at", "2026-10-05") == (
        0,
        f"{a_set}: 2 decisions imported, 0 were there already\n",
        "",
    )

    status, said, _ = await typed("export", "--type", "shelf", "--out", "out", "--form", "parquet", "--json")

    assert (status, json.loads(said)["decisions"], json.loads(said)["labels"]) == (0, 2, 2)
    assert (await typed("export", "--type", "shelf", "--out", "out", "--form", "parquet"))[1] == (
        "out: 0 decisions, 2 labels, no further scores\n"
    )


LISTED = """\
types: {shelf: {answers: [ale, bread]}}
pools: {people: {}}
plans: {p: {stages: [{ask: people, timeout: 1m}], fallback: {answer: ale}}}
routes: [{type: shelf, plan: p}]
locations: {store-001: {}}
"""


async def test_a_misspelt_type_or_place_is_refused_before_anything_is_stored(typed, a_set, database_url):
    """What is on record stays there: a whole past under a wrong name could not be taken back."""
    connection = await asyncpg.connect(database_url)
    await revisions.publish_first(connection, SYSTEM, "h", {"all.yaml": LISTED})
    there = ("import", a_set, "--at", "2026-10-05", "--type")

    assert await typed(*there, "shelff") == (
        1,
        "",
        "adjudge: revision 1 has no question type 'shelff'; did you mean 'shelf'? --unlisted imports it all the same\n",
    )
    _, _, said = await typed(*there, "shelf", "--location", "store-01")
    assert "no location 'store-01'; did you mean 'store-001'?" in said
    assert await connection.fetchval("SELECT count(*) FROM decision") == 0
    assert (await typed(*there, "shelf", "--location", "store-001"))[0] == 0
    assert (await typed(*there, "ended", "--location", "closed", "--unlisted"))[0] == 0
    assert await connection.fetchval("SELECT count(*) FROM decision") == 4
    await connection.close()


async def test_a_fault_is_one_line(typed, a_set, monkeypatch):
    status, _, said = await typed("import", a_set, "--type", "shelf")
    assert (status, said.count("\n")) == (1, 1)
    assert "say when with --at" in said

    await typed("import", a_set, "--type", "shelf", "--at", "2026-10-05")
    status, _, said = await typed("export", "--type", "shelve", "--out", "p")
    assert (status, said) == (1, "adjudge: no decision of type 'shelve' is on record; there are shelf\n")
    assert not (Path.cwd() / "p").exists()

    status, _, said = await typed("export", "--type", "shelf", "--out", a_set)
    assert (status, said) == (1, f"adjudge: {a_set}: holds a labelled set that was not exported: name another folder\n")

    monkeypatch.setattr(tables.importlib.util, "find_spec", lambda name: None)
    status, _, said = await typed("export", "--type", "shelf", "--out", "p", "--form", "parquet")
    assert (status, said) == (
        1,
        "adjudge: Parquet needs pyarrow: pip install 'adjudge[parquet]'; CSV needs nothing\n",
    )

    (Path.cwd() / "file").write_text("")
    status, _, said = await typed("export", "--type", "shelf", "--out", "file/p")
    assert (status, said) == (1, "adjudge: file/p: Not a directory\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "write_part", full)
        status, _, said = await typed("export", "--type", "shelf", "--out", "q")
    assert (status, said) == (1, "adjudge: writing: No space left on device\n")

    monkeypatch.setenv("DATABASE_URL", "postgresql://adjudge:s3c/ret@127.0.0.1:1/nowhere")
    status, _, said = await typed("export", "--type", "shelf", "--out", "p")
    assert (status, "s3c" in said, said.startswith("adjudge: DATABASE_URL cannot be used")) == (1, False, True)

    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    status, _, said = await typed("export", "--type", "shelf", "--out", "p")
    assert (status, said.startswith("adjudge: cannot reach the database: "), said.count("\n")) == (1, True, 1)


async def test_retention_shows_before_it_drops(typed, database_url):
    import asyncpg

    long_ago = datetime.now(UTC) - timedelta(days=60)
    connection = await asyncpg.connect(database_url)
    await record(connection, 3, start=long_ago)

    status, said, _ = await typed("retention", "--decisions", "30")
    assert (status, said.splitlines()[1].split()[1::2]) == (0, ["decisions", "due"])
    assert await connection.fetchval("SELECT count(*) FROM decision") == 3

    _, said, _ = await typed("retention", "--decisions", "30", "--drop", "--json")
    assert [(week["kind"], week["dropped"]) for week in json.loads(said)] == [("decisions", True)]
    assert await connection.fetchval("SELECT count(*) FROM decision") == 0
    await connection.close()

    status, _, said = await typed("retention", "--decisions", "3")
    assert (status, said) == (1, "adjudge: 3 days is too short: at least 14 must be kept\n")
