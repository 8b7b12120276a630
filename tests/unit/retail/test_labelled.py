import importlib.util
from pathlib import Path

import pytest

from adjudge_retail import TABLES
from adjudge_retail.labelled import read_set
from adjudge_retail.reading import UnreadableSet, read_table


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_a_folder_is_read_in_either_form_of_csv(make_set, form):
    labelled = read_set(make_set(items=6, deciders=["m@1"], answers=4, form=form))

    assert labelled.labels == ("a", "b", "c")
    assert [item.truth for item in labelled.items] == ["a", "b", "c"] * 2
    assert labelled.scores["m@1"].of("i-0") == pytest.approx({"a": 0.9, "b": 0.05, "c": 0.05})
    assert [given.answer for given in labelled.answers["i-0"]] == ["a", "b", "c", "a"]


def test_only_labels_and_items_must_be_there(make_set):
    labelled = read_set(make_set())

    assert not labelled.scores
    assert not labelled.answers


def test_an_item_may_lack_every_column_but_its_id(make_set):
    folder = make_set()
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id\nx\n")

    assert [(item.id, item.truth, item.image) for item in read_set(folder).items] == [("x", None, None)]


def test_counted_answers_are_drawn_in_an_order_that_stays(make_set):
    folder = make_set(counts=True)

    first, second = read_set(folder), read_set(folder)

    assert first.counted
    assert first.answers == second.answers
    assert sorted(given.answer for given in first.answers["i-0"]) == ["a", "a", "a", "b", "b"]
    assert len({tuple(given.answer for given in answers) for answers in first.answers.values()}) > 1


def test_a_picture_outside_the_folder_is_not_shown(make_set, tmp_path):
    folder = make_set()
    (tmp_path / "secret.jpg").touch()
    (folder / "own.jpg").touch()
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id,truth,image\nx,a,../secret.jpg\ny,a,own.jpg\nz,a,gone.jpg\n")

    pictures = {item.id: item.image for item in read_set(folder).items}

    assert pictures == {"x": None, "y": folder.resolve() / "own.jpg", "z": None}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("labels.csv", "name\na\n", "no column `label`"),
        ("items.csv", "", r"no column `item_id` \(it has none\)"),
        ("labels.csv", "label\na\na\n", "each once"),
        ("items.csv", "item_id,truth\nx,d\n", "`d`, is no label"),
        ("items.csv", "item_id,truth\nx,a\nx,b\n", "twice"),
        ("items.csv", "item_id,truth\nx,a,b\n", "items.csv:2: has 3 fields, not 2"),
        ("scores/m@1.csv", "item_id,a,b,c\nx,1,0,high\n", "could not convert"),
        ("scores/m@1.csv", "item_id,a,b,z\nx,1,0,0\n", "column `z` is no label"),
        ("answers.csv", "item_id,reviewer,answer\nx,,z\n", "is no label"),
        ("answers.csv", "item_id,reviewer,answer,seconds\nx,,a,soon\n", "could not convert"),
        ("answer_counts.csv", "item_id,a,b,c\nx,many,0,0\n", "invalid literal"),
    ],
)
def test_a_fault_names_its_file(make_set, file, text, said):
    folder = make_set()
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id,truth\nx,a\n")
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(text)

    with pytest.raises(UnreadableSet, match=said) as fault:
        read_set(folder)

    assert Path(file).name in str(fault.value)


def test_a_folder_without_items_is_refused(tmp_path):
    with pytest.raises(UnreadableSet, match="there is no labels"):
        read_set(tmp_path)


def test_a_broken_archive_is_refused_with_its_name(make_set):
    folder = make_set()
    (folder / "items.csv.gz").write_bytes((folder / "items.csv.gz").read_bytes()[:40])

    with pytest.raises(UnreadableSet, match=r"items\.csv\.gz"):
        read_set(folder)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "items.parquet").touch()

    with pytest.raises(UnreadableSet, match="pip install pyarrow"):
        read_table(tmp_path / "items.parquet")


@pytest.mark.parametrize(("name", "labels"), [("grocery", 81), ("grocery-claims", 2)])
def test_the_shipped_tables_are_whole(name, labels):
    labelled = read_set(TABLES / name)

    assert (len(labelled.items), len(labelled.labels), list(labelled.scores)) == (
        2781,
        labels,
        ["vision-sku@1", "vision-sku@2"],
    )
    assert all(len(table.rows) == 2781 for table in labelled.scores.values())
    assert not any(table.malformed for table in labelled.scores.values())


def test_the_shipped_tables_are_small_and_have_no_pictures():
    files = [path for path in TABLES.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= 5_000_000
    assert not [path for path in files if path.suffix in {".jpg", ".png", ".svg"}]
    assert (TABLES / "LICENSE-GroceryStoreDataset.txt").is_file()
