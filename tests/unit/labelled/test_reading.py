"""What an import reads is refused where a backtest would refuse it: by file and row."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adjudge.labelled.items import Defaults, items
from adjudge.labelled.reading import UnreadableSet, answered, read_folder, scored
from adjudge.labelled.tables import UnreadableTable, opened

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FILES = {
    "labels.csv": "label\nale\nbread\n",
    "items.csv": "item_id,truth,asked_at\na,ale,2026-10-05T10:00:00Z\nb,,2026-10-12T10:00:00Z\n",
    "scores/vision@1.csv": "item_id,ale,bread\nb,0.3,0.7\na,0.9,0.1\n",
    "answers.csv": "item_id,reviewer,answer\nb,anna,ale\nb,,bread\nb,,bread\n",
}
COUNTED = {"answers.csv": None}


def read(folder: Path, changed: dict[str, str | None]) -> None:
    for name, text in {**FILES, **changed}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    found = read_folder(folder)
    list(items(found, Defaults(type="shelf"), NOW))
    list(scored(found))
    list(answered(found))


def test_a_set_without_a_fault_is_read(tmp_path):
    read(tmp_path, {})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"items.csv": FILES["items.csv"] + "a,,2026-10-05T10:00:00Z\n"}, "items.csv:4: item 'a' was there before"),
        ({"items.csv": FILES["items.csv"] + ",,2026-10-05T10:00:00Z\n"}, "items.csv:4: there is no item_id"),
        ({"items.csv": FILES["items.csv"] + "\0,,2026-10-05T10:00:00Z\n"}, "items.csv:4: there is a NUL character"),
        ({"items.csv": "item_id,asked_at\n\na,yesterday\n"}, "items.csv:3: "),
        ({"scores/vision@1.csv": "item_id,ale,bread\na,1,0\na,1,0\n"}, "vision@1.csv:3: item 'a' was there before"),
        ({"scores/vision@1.csv": "item_id,ale,bread\na,1,\n"}, "vision@1.csv:2: a score of 'a', '', is no probability"),
        ({"scores/vision@1.csv": "item_id,ale\na,1\n"}, "vision@1.csv: there is no column 'bread', which is a label"),
        ({"answers.csv": "item_id,reviewer,answer\nb,anna,ale\nb,anna,ale\n"}, "answers.csv:3: reviewer 'anna' answ"),
        ({"answers.csv": "item_id,reviewer,answer\n" + "b,,ale\n" * 201}, "answers.csv:202: .* more than 200 answers"),
        ({**COUNTED, "answer_counts.csv": "item_id,ale,bread\na,1.5,0\n"}, "counts.csv:2: .*'1.5', is no whole number"),
        ({**COUNTED, "answer_counts.csv": "item_id,ale,bread\na,-1,0\n"}, "counts.csv:2: .*'-1', is no whole number"),
        ({**COUNTED, "answer_counts.csv": "item_id,ale,bread\na,300000,0\n"}, "counts.csv:2: .*more than 200 answers"),
        ({**COUNTED, "answer_counts.csv": "item_id,ale,bread,bread\na,1,0,0\n"}, "counts.csv: column 'bread' is there"),
    ],
)
def test_what_could_mislead_is_refused_with_its_row(tmp_path, changed, says):
    with pytest.raises((UnreadableSet, UnreadableTable), match=says):
        read(tmp_path, changed)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("stake", "12.50", "a stake of '12.50' is in no currency"),
        ("stake,currency", '"12,50",USD', "'12,50' is not a decimal amount"),
        ("stake,currency", "12.50,usd", "'usd' is not an ISO 4217 code"),
        ("audit", "yes", "audit 'yes' is neither true nor false"),
        ("audit_rate", "1.7", "audit_rate '1.7' is no probability"),
        ("confidence", "97", "confidence '97' is no probability"),
        ("source", "human", "source 'human' is not one of model, rule, reviewer, fallback"),
        ("lane", "express", "lane 'express' is not one of realtime, standard, bulk"),
        ("settled_at", "2099-01-01T00:00:00Z", "was settled at 2099-01-01.*: before 2000 or to come"),
        ("truth,truth_source", "ale,late-vote", "what came as 'late-vote' is an answer, and no truth"),
        ("candidates", "ale;bread", "candidates 'ale;bread' are no JSON list of labels"),
        ("candidates", '"[""ale"", ""cider""]"', "'cider' is no label"),
        ("candidates", '"[""ale""]"', "the answer 'bread' is not among its candidates"),
    ],
)
def test_what_an_item_says_is_taken_or_refused_and_never_passed_over(tmp_path, column, value, says):
    with pytest.raises(UnreadableSet, match=rf"items\.csv:2: .*{says}"):
        read(tmp_path, {"items.csv": f"item_id,asked_at,answer,{column}\na,2026-10-05T10:00:00Z,bread,{value}\n"})


def test_whole_numbers_are_flags_too(tmp_path):
    text = "item_id,asked_at,audit\na,2026-10-05T10:00:00Z,1\nb,2026-10-05T10:00:00Z,0\nc,2026-10-05T10:00:00Z,True\n"
    read(tmp_path, {"items.csv": text})

    assert [each.audit for each in items(read_folder(tmp_path), Defaults(type="shelf"), NOW)] == [True, False, True]


@pytest.mark.parametrize("seconds", ["-1", "1e300", "nan", "quick"])
def test_a_time_at_work_that_is_none_is_refused_with_its_row(tmp_path, seconds):
    with pytest.raises(UnreadableSet, match=r"answers\.csv:2: "):
        read(tmp_path, {"answers.csv": f"item_id,reviewer,answer,seconds\nb,anna,ale,{seconds}\n"})


def test_what_is_no_label_is_refused_with_the_labels_that_there_are(tmp_path):
    """Columns `True` and `False` beside labels that Parquet holds as booleans: they are read as `true` and `false`."""
    changed = {
        "labels.csv": "label\nfalse\ntrue\n",
        "items.csv": "item_id,truth,asked_at\na,true,2026-10-05T10:00:00Z\n",
        "scores/vision@1.csv": "item_id,False,True\na,0,1\n",
    }
    with pytest.raises(UnreadableSet, match=r"'False' is no label \(labels are 'false', 'true'\)"):
        read(tmp_path, changed)


@pytest.mark.parametrize("name", ["my model@1", "a,b@1", "é@1"])
def test_scores_of_what_can_be_no_decider_are_refused(tmp_path, name):
    """They would come in, and no export could write them again."""
    with pytest.raises(UnreadableSet, match=f"'{name}' is not the name of a decider, such as vision@1"):
        read(tmp_path, {f"scores/{name}.csv": FILES["scores/vision@1.csv"]})


def test_in_an_export_a_decider_may_lack_labels_that_came_up_later(tmp_path):
    (tmp_path / "export.json").write_text("{}")

    read(tmp_path, {"scores/vision@1.csv": "item_id,ale\na,1\n"})


@pytest.mark.parametrize("values", [[["a"], ["b"]], [b"\xff", b"b"]], ids=["a list", "bytes"])
def test_a_column_of_parquet_that_is_no_text_is_named(tmp_path, values):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"item_id": ["a", "b"], "truth": values}), tmp_path / "items.parquet")

    with (
        pytest.raises(UnreadableTable, match=r"items.parquet: column 'truth' \(.*\) cannot be read as text"),
        opened(tmp_path / "items.parquet") as table,
    ):
        list(table.rows)


def test_a_nul_in_parquet_is_refused_with_its_column(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"item_id": ["a", "b\0"]}), tmp_path / "items.parquet")

    with (
        pytest.raises(UnreadableTable, match=r"items\.parquet: column 'item_id' has a NUL character"),
        opened(tmp_path / "items.parquet") as table,
    ):
        list(table.rows)
