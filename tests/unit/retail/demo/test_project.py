import json
from dataclasses import replace

import pytest

from adjudge_retail.chance import seeded
from adjudge_retail.demo.cases import Site, case_of, folder_sources
from adjudge_retail.demo.project import ForeignFolder, lend_connection, take_back, write_project
from adjudge_retail.demo.stores import TWELVE
from adjudge_retail.labelled import read_set
from adjudge_retail.reading import UnreadableSet


def a_case(folder, event):
    (source,) = folder_sources(read_set(folder))
    return case_of(event, source, source.labelled.items[0], Site(TWELVE.stores[0]), seeded(1))


def test_a_folder_that_is_not_the_demos_stays_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(ForeignFolder, match="not the demo's"):
        write_project(tmp_path, {"a.yaml": "{}"})

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_old_demo_is_replaced(tmp_path):
    old = write_project(tmp_path / "demo", {"a.yaml": "{}"})
    (old.folder / "data").touch()

    write_project(tmp_path / "demo", {"groups/b.yaml": "{}"})

    left = {str(path.relative_to(old.folder)) for path in old.folder.rglob("*") if path.is_file()}
    assert left == {"made-by-adjudge-demo", ".gitignore", "config/groups/b.yaml"}


def test_a_picture_is_drawn_when_the_set_has_none(make_set, tmp_path):
    project = write_project(tmp_path / "demo", {})

    reference = project.picture_of(a_case(make_set(), "e-1"))

    assert reference == "pictures://e-1.svg"
    assert (project.pictures / "e-1.svg").read_text().startswith("<svg")


def test_a_picture_of_the_set_is_shown_as_it_is(make_set, tmp_path):
    folder, project = make_set(), write_project(tmp_path / "demo", {})
    (folder / "images").mkdir()
    (folder / "images" / "one.jpg").write_bytes(b"picture")
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id,truth,image\n../one,a,images/one.jpg\n")

    scheme, _, name = project.picture_of(a_case(folder, "e-1")).partition("://")

    assert scheme == "pictures"
    assert (project.pictures / name).read_bytes() == b"picture"
    assert (project.pictures / name).parent == project.pictures


@pytest.fixture
def running(tmp_path):
    """The folder of a demo whose system is up."""
    project = write_project(tmp_path / "demo", {})
    (project.folder / ".adjudge").mkdir()
    (project.folder / ".adjudge" / "api.json").write_text(json.dumps({"url": "u", "key": "k"}))
    return project


def test_commands_find_the_demo_while_it_is_up(running, tmp_path):
    lent = lend_connection(running, tmp_path)

    assert lent is not None
    assert {"url": "u", "key": "k"}.items() <= json.loads(lent.read_text()).items()
    assert lent.stat().st_mode & 0o077 == 0
    take_back(lent)
    assert not (tmp_path / ".adjudge").exists()


def test_a_project_of_the_users_own_stays_as_it_is(running, tmp_path):
    own = tmp_path / ".adjudge" / "api.json"
    own.parent.mkdir()
    own.write_text("mine")

    assert lend_connection(running, tmp_path) is None
    assert own.read_text() == "mine"


def test_what_a_killed_demo_left_behind_is_replaced(running, tmp_path):
    for _ in range(2):
        assert lend_connection(running, tmp_path) is not None


@pytest.mark.parametrize("label", ["b" * 201, "two\nlines", "ti\tn"])
def test_a_label_that_cannot_be_an_answer_is_refused_before_anything_starts(make_set, label):
    """Reading takes it: answers in other people's words come out of an export, too."""
    labelled = replace(read_set(make_set()), labels=("a", label))

    with pytest.raises(UnreadableSet, match="cannot be an answer: 1 to 200 printable characters"):
        folder_sources(labelled)
