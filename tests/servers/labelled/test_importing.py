"""Past decisions come in as they were, once, and nobody is told."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.servers.labelled.emptied import emptied
from tests.servers.labelled.recorded import LABEL, START, VOTE, record
from tests.stacks import build_stack

from adjudge.labelled import exporting, importing
from adjudge.labelled.items import Defaults
from adjudge.labelled.reading import UnreadableSet
from adjudge.store import decisions, feed
from adjudge.store.extracting import Wanted
from adjudge.store.scope import SYSTEM
from adjudge_retail.labelled import read_set

__all__ = ["build_stack"]

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FILES = {
    "labels.csv": "label\nale\nbread\n",
    "items.csv": "item_id,truth,asked_at\na,ale,2026-10-05T10:00:00Z\nb,,2026-10-12T10:00:00+02:00\n",
    "scores/vision@1.csv": "item_id,ale,bread\nb,0.3,0.7\na,0.9,0.1\n",
    "answers.csv": "item_id,reviewer,answer,seconds\nb,anna,ale,4\nb,,bread,5\nb,,bread,6\n",
}


def laid(folder, **changed: str):
    for name, text in {**FILES, **changed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def bring_in(connection, folder, question_type="shelf", **given):
    defaults = Defaults(type=question_type, **given)
    return await importing.import_set(connection, folder, defaults, now=NOW, by="test", report=lambda done: None)


async def export(connection, folder, form="csv"):
    return await exporting.export(connection, folder, Wanted(type="shelf"), form, report=lambda *_: None)


async def test_what_was_exported_and_imported_elsewhere_is_exported_the_same(connection, database_url, tmp_path):
    ids = await record(connection, 25, by=("vision@1", "vision@2"))
    await connection.execute(LABEL, ids[3], "appeal", "cheese")
    for reviewer, minutes in (("ben", 2), ("anna", 1)):
        await connection.execute(VOTE, ids[5], reviewer, "ale", START + timedelta(minutes=minutes))
    await export(connection, tmp_path / "first")
    await emptied(connection)

    done = await bring_in(connection, tmp_path / "first")
    await export(connection, tmp_path / "second")

    first, second = read_set(tmp_path / "first"), read_set(tmp_path / "second")
    assert done.decisions == 25
    assert (second.labels, second.scores, second.answers) == (first.labels, first.scores, first.answers)
    for before, after in zip(first.items, second.items, strict=True):
        assert (after.id, after.truth) == (before.id, before.truth)
        differing = {
            name for name in before.more.keys() | after.more.keys() if before.more.get(name) != after.more.get(name)
        }
        assert differing == {"imported", "revision"}


async def test_a_set_that_we_did_not_write_keeps_its_times_and_its_order(connection, tmp_path):
    await bring_in(connection, laid(tmp_path))

    page = await decisions.page(connection, SYSTEM, decisions.Filter(type="shelf"), None, 10)
    assert [(seen.asked_at, seen.status, seen.answer, seen.source) for seen in page] == [
        (datetime(2026, 10, 12, 8, tzinfo=UTC), "final", "bread", "reviewer"),
        (datetime(2026, 10, 5, 10, tzinfo=UTC), "final", "ale", "model"),
    ]
    await export(connection, tmp_path / "out")
    out = read_set(tmp_path / "out")
    said = out.answers[out.items[1].id]
    assert [(each.reviewer, each.answer, each.seconds) for each in said] == [
        ("anna", "ale", 4),
        ("", "bread", 5),
        ("", "bread", 6),
    ]


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_how_long_an_answer_took_stays_unknown_where_it_is(connection, tmp_path, form):
    """Not 0: a person who takes no time is a fault that somebody would look for."""
    said = "item_id,reviewer,answer,seconds\nb,anna,ale,4\nb,ben,bread,\nb,,bread,0\n"
    await bring_in(connection, laid(tmp_path, **{"answers.csv": said}))

    await export(connection, tmp_path / "first", form)
    await emptied(connection)
    await bring_in(connection, tmp_path / "first")
    await export(connection, tmp_path / "second", form)

    for folder in ("first", "second"):
        found = read_set(tmp_path / folder)
        [said_of_b] = [answers for answers in found.answers.values() if answers]
        assert [each.seconds for each in said_of_b] == [4, None, 0], folder


async def test_importing_again_changes_nothing(connection, tmp_path):
    """Not even where the folder says something else by now."""
    await bring_in(connection, laid(tmp_path))
    changed = FILES["answers.csv"].replace("anna", "carl")
    truth = FILES["items.csv"].replace("b,,", "b,ale,")

    again = await bring_in(connection, laid(tmp_path, **{"answers.csv": changed, "items.csv": truth}))

    assert (again.decisions, again.known) == (0, 2)
    assert await connection.fetchval("SELECT count(*) FROM vote WHERE reviewer <> 'carl'") == 3
    assert await connection.fetchval("SELECT count(*) FROM vote") == 3
    assert await connection.fetchval("SELECT count(*) FROM label") == 1


async def test_what_is_there_as_another_type_is_not_passed_over(connection, tmp_path):
    await bring_in(connection, laid(tmp_path))
    [seen, _] = await decisions.page(connection, SYSTEM, decisions.Filter(type="shelf"), None, 10)
    own = {
        "items.csv": f"item_id,asked_at,truth\n{seen.id},{seen.asked_at.isoformat()},bread\n",
        "scores/vision@1.csv": "item_id,ale,bread\n",
        "answers.csv": "item_id,reviewer,answer,seconds\n",
    }

    with pytest.raises(UnreadableSet, match="is there already, as one of type 'shelf'"):
        await bring_in(connection, laid(tmp_path, **own), "other")


async def test_nobody_is_told_of_what_was_imported(connection, tmp_path):
    """In no feed, owed to no endpoint, and nothing waits for anybody."""
    await bring_in(connection, laid(tmp_path))

    page = await feed.read(connection, SYSTEM, feed.EVERYTHING, await feed.beginning(connection), 100)

    assert page.rows == []
    for table in ("delivery", "work", "review_task"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await connection.fetchval("SELECT count(*) FROM decision WHERE imported = 1") == 2


async def test_an_import_is_in_the_next_export(connection, tmp_path):
    """Its outcomes have no place in the feed that exports go by."""
    await record(connection, 3)
    await export(connection, tmp_path / "out")
    items = "item_id,asked_at,answer\na,2026-10-05T10:00:00Z,ale\nb,2026-10-05T10:00:00Z,bread\n"
    folder = laid(tmp_path / "in", **{"items.csv": items, "answers.csv": "item_id,reviewer,answer\n"})
    await bring_in(connection, folder)

    assert (await export(connection, tmp_path / "out")).decisions == 2
    assert (await export(connection, tmp_path / "out")).decisions == 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"labels.csv": "label\nale\n"}, "bread"),
        ({"items.csv": "item_id,truth\na,ale\nb,\n"}, "--at"),
        (
            {"items.csv": "item_id,asked_at\na,2099-01-01T00:00:00Z\nb,2026-10-05T10:00:00Z\n"},
            "before 2000 or to come",
        ),
        (
            {"items.csv": "item_id,asked_at\na,1971-01-01T00:00:00Z\nb,2026-10-05T10:00:00Z\n"},
            "before 2000 or to come",
        ),
        ({"items.csv": "item_id,asked_at\na,2026-10-05T10:00:00\n"}, "no offset"),
        ({"items.csv": "item_id,asked_at\na,2026-10-05T10:00:00Z\n"}, r"vision@1\.csv:2: .* item 'b'"),
        (
            {"scores/vision@1.csv": "item_id,ale,bread\na,0.9,0.1\nc,0.9,0.1\n"},
            r"vision@1\.csv:3: something is said of item 'c'",
        ),
        ({"scores/vision@1.csv": "item_id,ale,bread\na,0.9,0.9\n"}, "add up to 1.8"),
        ({"scores/vision@1.csv": "item_id,ale,bread\na,nan,0.9\n"}, "'nan', is no probability"),
        ({"answers.csv": "item_id,reviewer,answer\na,anna,cider\n"}, "'cider', is no label"),
    ],
)
async def test_a_set_with_a_fault_is_refused_whole(connection, tmp_path, changed, says):
    folder = laid(tmp_path, **changed)

    with pytest.raises(UnreadableSet, match=says):
        await bring_in(connection, folder)

    assert await connection.fetchval("SELECT count(*) FROM decision") == 0


async def test_an_imported_decision_is_explained_without_a_plan(build_stack, tmp_path):
    stack = await build_stack("api")
    async with stack.db.acquire() as connection:
        await bring_in(connection, laid(tmp_path))
    [found] = (await stack.admin.get("/v1/decisions?type=shelf&source=model")).json()["items"]

    path = (await stack.admin.get(f"/v1/decisions/{found['id']}/path")).json()

    assert (path["plan"], found["outcome"]["reason"], found["subject"]) == (None, "imported", {"item": "a"})
    assert [event["kind"] for event in path["events"]] == ["opinion", "settled"]
    async with stack.db.acquire() as connection:
        await emptied(connection)
