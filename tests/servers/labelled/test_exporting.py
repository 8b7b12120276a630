"""The live record as a labelled set: whole, incremental, resumable; what wrote it can be read by the demo."""

import asyncio
import csv
import gzip
import json
import signal
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.servers.labelled.recorded import AMEND, LABEL, LABELS, START, VOTE, path, record

from adjudge.labelled import exporting
from adjudge.labelled.progress import UnsuitableFolder
from adjudge.store import extracting
from adjudge.store.automation.audits import AUDIT_LABEL, EXPERT, PEOPLE
from adjudge.store.extracting import Wanted
from adjudge_retail.labelled import read_set


class CutOff(Exception):
    """The process is gone."""


WANTED = Wanted(type="shelf")
FORMS = ("csv", "parquet")


async def export(connection, folder, wanted=WANTED, form="csv", part_rows=7):
    return await exporting.export(
        connection, folder, wanted, form, report=lambda done, total: None, part_rows=part_rows
    )


def rows_of(folder: Path, table: str = "items") -> list[dict[str, str]]:
    with gzip.open(folder / f"{table}.csv.gz", "rt", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("form", FORMS)
async def test_what_was_recorded_is_what_the_labelled_reader_reads(connection, tmp_path, form):
    ids = await record(connection, 20, by=("vision@1", "vision@2"))
    await connection.execute(LABEL, ids[3], "appeal", "cheese")
    for reviewer, answer, minutes in (("ben", "ale", 2), ("anna", "bread", 1)):
        await connection.execute(VOTE, ids[5], reviewer, answer, START + timedelta(minutes=minutes))
    await connection.execute(LABEL, ids[5], "late-vote", "cheese")

    done = await export(connection, tmp_path / "set", form=form)

    found = read_set(tmp_path / "set")
    assert (done.decisions, done.deciders) == (20, ("vision@1", "vision@2"))
    assert found.labels == LABELS
    assert [item.id for item in found.items] == [str(id_) for id_ in ids]
    assert {item.id: item.truth for item in found.items if item.truth} == {str(ids[3]): "cheese"}
    assert [said.answer for said in found.answers[str(ids[5])]] == ["bread", "ale", "cheese"]
    assert [said.reviewer for said in found.answers[str(ids[5])]][:2] == ["anna", "ben"]
    assert found.scores.keys() == {"vision@1", "vision@2"}
    for item in found.items:
        assert sum(found.scores["vision@1"].of(item.id).values()) == pytest.approx(1, abs=1e-3)
    first = found.items[0].more
    assert (first["location"], first["stake"], first["currency"]) == ("store-1", "2.49", "USD")
    assert (first["audit"].lower(), float(first["audit_rate"]), first["audit_role"]) == ("true", 0.25, "certify")


@pytest.mark.parametrize("form", FORMS)
async def test_a_second_run_fetches_what_is_new_or_was_learnt_since_and_nothing_else(connection, tmp_path, form):
    ids = await record(connection, 20)
    await export(connection, tmp_path, form=form)
    before = read_set(tmp_path)
    more = await record(connection, 10, first=20)
    await connection.execute(LABEL, ids[2], "appeal", "ale")
    await connection.execute(VOTE, ids[4], "anna", "bread", START)

    done = await export(connection, tmp_path, form=form)

    after = read_set(tmp_path)
    assert done.decisions == 12
    assert [item.id for item in after.items] == [str(each) for each in (*ids, *more)]
    assert next(item for item in after.items if item.id == str(ids[2])).truth == "ale"
    assert [said.answer for said in after.answers[str(ids[4])]] == ["bread"]
    assert {key: list(row) for key, row in before.scores["vision@1"].rows.items()}.items() <= {
        key: list(row) for key, row in after.scores["vision@1"].rows.items()
    }.items()
    assert (await export(connection, tmp_path, form=form)).decisions == 0
    assert read_set(tmp_path).items == after.items


async def test_a_transaction_that_was_open_during_a_run_is_in_the_next(connection, database_url, tmp_path):
    """Commits finish out of order: a run up to the largest number seen would miss it for ever."""
    early = await record(connection, 2)
    slow = await asyncpg.connect(database_url)
    async with slow.transaction():
        late = await record(slow, 3, first=100)
        meanwhile = await record(connection, 5, first=10)
        await export(connection, tmp_path)
        assert {row["item_id"] for row in rows_of(tmp_path)} >= {str(each) for each in early}
    await slow.close()

    await export(connection, tmp_path)

    assert [row["item_id"] for row in rows_of(tmp_path)] == [str(each) for each in (*early, *meanwhile, *late)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dies_at", ["part", "table"])
async def test_a_run_that_was_cut_off_is_gone_on_with_and_ends_the_same(
    connection, tmp_path, monkeypatch, form, dies_at
):
    await record(connection, 60)
    await export(connection, tmp_path / "whole", form=form)
    ids = await record(connection, 40, first=60)
    await connection.execute(VOTE, ids[1], "anna", "bread", START)
    (tmp_path / "cut").mkdir()
    await export(connection, tmp_path / "whole", form=form)
    calls = iter(range(5))

    def dying(*given, **named):
        if next(calls) == 2:
            raise CutOff
        return original(*given, **named)

    name = {"part": "write_part", "table": "assemble"}[dies_at]
    original = getattr(exporting, name)
    with monkeypatch.context() as patch:
        patch.setattr(exporting, name, dying)
        with pytest.raises((CutOff, ExceptionGroup)):
            await export(connection, tmp_path / "cut", form=form)

    done = await export(connection, tmp_path / "cut", form=form)

    assert done.resumed
    whole, cut = read_set(tmp_path / "whole"), read_set(tmp_path / "cut")
    assert (cut.items, cut.answers, cut.labels) == (whole.items, whole.answers, whole.labels)
    assert cut.scores == whole.scores
    assert not (tmp_path / "cut" / ".export").exists()


EXPORTING = """
import asyncio, sys
from pathlib import Path
import asyncpg
from adjudge.labelled.exporting import export
from adjudge.store.extracting import Wanted

async def main(url, folder):
    connection = await asyncpg.connect(url, timeout=10)
    await export(connection, Path(folder), Wanted(type="shelf"), "csv", report=lambda done, total: None, part_rows=2)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_process_that_is_killed_again_and_again_leaves_the_whole_export(connection, database_url, tmp_path):
    """With -9, each once it has written some of the two hundred parts more."""
    await record(connection, 400)
    await export(connection, tmp_path / "whole")
    cut = tmp_path / "cut"

    def parts() -> int:
        run = json.loads((cut / "export.json").read_bytes())["run"] if (cut / "export.json").exists() else None
        return 0 if run is None else run["parts"]

    for wanted in (30, 80):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", EXPORTING, database_url, str(cut))
        async with asyncio.timeout(60):
            while parts() < wanted:
                await asyncio.sleep(0.001)
        process.kill()
        assert await process.wait() == -signal.SIGKILL

    done = await export(connection, cut, part_rows=2)

    assert done.resumed
    killed, whole = read_set(cut), read_set(tmp_path / "whole")
    assert (killed.items, killed.answers, killed.labels, killed.scores) == (
        whole.items,
        whole.answers,
        whole.labels,
        whole.scores,
    )


async def test_what_is_open_or_cancelled_or_elsewhere_is_no_example(connection, tmp_path):
    [open_one, cancelled, elsewhere, kept] = await record(connection, 4)
    other = await record(connection, 1, first=10, location="store-2")
    await record(connection, 1, first=20, question_type="other")
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("DELETE FROM outcome WHERE decision_id = $1", open_one)
    await connection.execute("UPDATE outcome SET source = 'cancel' WHERE decision_id = $1", cancelled)
    await connection.execute("UPDATE decision SET location = 'store-2' WHERE id = $1", elsewhere)

    await export(connection, tmp_path, Wanted(type="shelf", locations=("store-1",)))
    await export(connection, tmp_path / "since", Wanted(type="shelf", since=START + timedelta(minutes=10)))

    assert [row["item_id"] for row in rows_of(tmp_path)] == [str(kept)]
    assert [row["item_id"] for row in rows_of(tmp_path / "since")] == [str(each) for each in other]


async def test_labels_that_come_up_later_are_columns_of_all_scores(connection, tmp_path):
    """Candidates differ from request to request."""
    await record(connection, 5, labels=("ale", "bread"))
    await export(connection, tmp_path)
    await record(connection, 5, first=5, labels=("bread", "dates"))

    await export(connection, tmp_path)

    found = read_set(tmp_path)
    assert found.labels == ("ale", "bread", "dates")
    assert {len(row) for row in found.scores["vision@1"].rows.values()} == {3}
    assert [row["candidates"] for row in rows_of(tmp_path)][5:] == ['["bread", "dates"]'] * 5


async def test_answers_to_structured_questions_become_the_labels(connection, tmp_path):
    space = '{"type": "structured", "schema": "{}"}'
    await record(connection, 20, labels=('{"count":1}', '{"count":2}'))
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE decision SET facts = facts || jsonb_build_object('space', $1::jsonb)", space)

    await export(connection, tmp_path, part_rows=1)

    assert set(read_set(tmp_path).labels) == {'{"count":1}', '{"count":2}'}


async def test_answers_with_any_characters_come_out_as_they_went_in(connection, tmp_path):
    """What is copied, joined and compressed on the way is text with marks of its own."""
    labels = ("ti\tn", "back\\slash", "two\nlines", 'say "cheese", or not', "\\N", "käse;\u2028", "\r")
    ids = await record(connection, 40, labels=labels)
    await connection.execute(LABEL, ids[3], "appeal", labels[2])
    await connection.execute(VOTE, ids[5], 'an"n\ta', labels[1], START)

    await export(connection, tmp_path)

    found, answers = read_set(tmp_path), await connection.fetch("SELECT decision_id, answer FROM outcome")
    assert found.labels == labels
    assert {row["item_id"]: row["answer"] for row in rows_of(tmp_path)} == {
        str(row["decision_id"]): row["answer"] for row in answers
    }
    assert {row["answer"] for row in answers} == set(labels)
    assert {item.id: item.truth for item in found.items if item.truth} == {str(ids[3]): labels[2]}
    assert [(said.reviewer, said.answer) for said in found.answers[str(ids[5])]] == [('an"n\ta', labels[1])]


async def test_an_amended_decision_is_one_item_with_what_each_decider_said_first(connection, tmp_path):
    [one, other] = await record(connection, 2, labels=("ale", "bread"))
    later = path({"ale": 0.4, "bread": 0.6}, at=START, by=("vision@1", "vision@2"))
    await connection.execute(AMEND, one, "bread", later)

    await export(connection, tmp_path)

    items, first = rows_of(tmp_path), read_set(tmp_path).scores["vision@1"]
    assert [(row["item_id"], row["version"]) for row in items] == [(str(one), "2"), (str(other), "1")]
    assert items[0]["answer"] == "bread"
    assert first.of(str(one))["bread"] != pytest.approx(0.6, abs=1e-3)
    assert read_set(tmp_path).scores["vision@2"].of(str(one))["bread"] == pytest.approx(0.6)


async def test_what_people_said_is_no_score(connection, tmp_path):
    [one] = await record(connection, 1)
    said = path({"ale": 1.0}, at=START, by=("anna",)).replace('"source": "model"', '"source": "reviewer"')
    await connection.execute(AMEND, one, "ale", said)

    assert (await export(connection, tmp_path)).deciders == ("vision@1",)


async def test_an_experts_word_of_an_audit_is_its_truth_and_no_answer_that_is_judged_by_it(connection, tmp_path):
    """Else people are the better the oftener experts are asked: their own answers are always right."""
    [audited] = await record(connection, 1)
    await connection.execute(LABEL, audited, AUDIT_LABEL, "cheese")
    said = (("anna", "ale", PEOPLE), ("ben", "bread", PEOPLE), ("xenia", "cheese", EXPERT))
    for minute, (reviewer, answer, round_) in enumerate(said):
        vote = VOTE.replace("'stage', 1", f"'truth', {round_}")
        await connection.execute(vote, audited, reviewer, answer, START + timedelta(minutes=minute))

    await export(connection, tmp_path / "set")

    found = read_set(tmp_path / "set")
    assert [item.truth for item in found.items] == ["cheese"]
    assert [(one.reviewer, one.answer) for one in found.answers[str(audited)]] == [("anna", "ale"), ("ben", "bread")]


async def test_instants_are_in_utc_whatever_the_session_thinks(connection, tmp_path):
    await connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'")
    await record(connection, 3, step=timedelta(milliseconds=250))

    await export(connection, tmp_path)

    assert [row["asked_at"] for row in rows_of(tmp_path)] == [
        "2026-11-02T09:00:00Z",
        "2026-11-02T09:00:00.250000Z",
        "2026-11-02T09:00:00.500000Z",
    ]


async def test_a_run_goes_on_behind_decisions_that_retention_dropped_meanwhile(connection, tmp_path, monkeypatch):
    ids = await record(connection, 20)
    collect = extracting.collect

    async def collected_and_dropped(*given):
        count = await collect(*given)
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("DELETE FROM decision WHERE id = ANY($1::uuid[])", ids[:10])
        return count

    monkeypatch.setattr(extracting, "collect", collected_and_dropped)
    await export(connection, tmp_path, part_rows=4)

    assert [row["item_id"] for row in rows_of(tmp_path)] == [str(each) for each in ids[10:]]


async def test_a_folder_that_holds_something_else_is_refused(connection, tmp_path):
    await record(connection, 2)
    await record(connection, 1, first=2, question_type="other")
    (tmp_path / "labels.csv").write_text("label\nmine\n")
    with pytest.raises(UnsuitableFolder, match="not exported"):
        await export(connection, tmp_path)
    (tmp_path / "labels.csv").unlink()
    await export(connection, tmp_path)

    with pytest.raises(UnsuitableFolder, match="other options"):
        await export(connection, tmp_path, Wanted(type="other"))

    assert len(rows_of(tmp_path)) == 2


async def test_two_exports_into_one_folder_do_not_mix(connection, tmp_path):
    await record(connection, 1)
    with exporting.held(tmp_path), pytest.raises(UnsuitableFolder, match="another process"):
        await export(connection, tmp_path)


async def test_neither_evidence_nor_subjects_leave(connection, tmp_path):
    await record(connection, 3, subject={"customer": "jane@example.org"})

    await export(connection, tmp_path)

    written = b"".join(gzip.decompress(file.read_bytes()) for file in tmp_path.rglob("*.gz"))
    assert b"jane" not in written
    assert b"camera" not in written
