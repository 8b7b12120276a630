"""`adjudge streams run`: where the app is."""

import sys

import pytest

from adjudge.cli.refusing import Refused
from adjudge.cli.streams.running import load
from adjudge.cli.streams.supervising import _without

APP = """
from adjudge.streams import App
app = App("redis://nowhere.invalid")
number = 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_app_is_found_in_a_module_of_the_folder(folder):
    (folder / "shop_found.py").write_text(APP)

    assert load("shop_found:app").url == "redis://nowhere.invalid"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("shop_refused", "MODULE:APP"),
        (":app", "MODULE:APP"),
        ("shop_nowhere:app", "there is no module 'shop_nowhere'"),
        ("shop_refused.inner:app", "cannot be imported|there is no module"),
        ("shop_refused:other", "shop_refused has no 'other'"),
        ("shop_refused:number", "is no App but a int"),
        ("shop_broken:app", "ZeroDivisionError"),
        ("shop_lacking:app", "shop_lacking cannot be imported: No module named 'of_another'"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(folder, where, said):
    (folder / "shop_refused.py").write_text(APP)
    (folder / "shop_broken.py").write_text("1 / 0")
    (folder / "shop_lacking.py").write_text("import of_another")

    with pytest.raises(Refused, match=said):
        load(where)


def test_a_supervised_process_gets_all_other_words():
    words = ["streams", "run", "m:app", "--processes", "2", "--health-port=80", "--only", "a"]

    assert _without(words, ("--processes", "--health-port")) == ["streams", "run", "m:app", "--only", "a"]
