import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge_retail.playback import score
from adjudge_retail.scores import read_scores, restricted

SCORES = {"a": 0.5, "b": 0.3, "c": 0.2}


@dataclass
class AQuestion:
    evidence: dict[str, Any]
    type: str = "item.label"
    candidates: tuple[str, ...] = field(default=())


def test_scores_are_played_back_by_item(make_set):
    tables = {"item.label": str(make_set(deciders=["m@1"]) / "scores" / "m@1.csv.gz")}

    answers = score([AQuestion({"item": "i-1"}), AQuestion({"item": "i-0"})], tables=tables)

    assert answers == [pytest.approx({"a": 0.05, "b": 0.9, "c": 0.05}), pytest.approx({"a": 0.9, "b": 0.05, "c": 0.05})]


@pytest.mark.parametrize("row", [(0.9, 0.5, 0.3), (0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (float("inf"), 0.0, 0.0)])
def test_what_is_no_distribution_is_played_back_as_it_stands(tmp_path, row):
    """It was scaled until it was one, and the model was believed."""
    path = tmp_path / "m@1.csv"
    path.write_text(f"item_id,a,b,c\ni-0,{','.join(map(str, row))}\ni-1,1,0,0\n")
    asked = AQuestion({"item": "i-0"}, candidates=("a", "b", "c"))

    assert score([asked], tables={"item.label": str(path)}) == [dict(zip("abc", row, strict=True))]
    assert read_scores(path).malformed == ["i-0"]


def test_candidates_restrict_the_scores(make_set):
    tables = {"item.label": str(make_set(deciders=["m@1"], sure=0.8) / "scores" / "m@1.csv.gz")}

    assert score([AQuestion({"item": "i-0"}, candidates=("a", "b"))], tables=tables) == [
        pytest.approx({"a": 0.8 / 0.9, "b": 0.1 / 0.9})
    ]


def test_a_mixed_up_release_hands_over_another_picture(make_set):
    """How the demo makes a model worse in one group: the same function, told by the evidence."""
    tables = {"item.label": str(make_set(deciders=["m@1"]) / "scores" / "m@1.csv.gz")}
    asked = [AQuestion({"item": f"i-{number}", "event": {"edge": "2.1"}}) for number in range(60)]

    good, bad = (score(asked, tables=tables, mixed_up=release) for release in ("2.2", "2.1"))

    right = [("a", "b", "c")[number % 3] for number in range(60)]
    assert [max(scores, key=scores.__getitem__) for scores in good] == right
    others = [max(scores, key=scores.__getitem__) for scores in bad]
    assert 0.1 < sum(map(str.__eq__, others, right)) / 60 < 0.6
    assert bad == score(asked, tables=tables, mixed_up="2.1")


def test_another_picture_does_not_show_what_is_claimed():
    question = AQuestion(
        {"item": "val-0000", "claimed": "Conference", "event": {"edge": "2.1"}}, type="product.confirm", candidates=()
    )
    tables = {
        "product.identify": "grocery/scores/vision-sku@2.csv.gz",
        "product.confirm": "grocery-claims/scores/vision-sku@2.csv.gz",
    }

    (good,) = score([question], tables=tables, claims="product.identify")
    (bad,) = score([question], tables=tables, mixed_up="2.1", claims="product.identify")

    assert good["yes"] > 0.5 > bad["yes"]
    assert sum(bad.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "question",
    [
        AQuestion({"item": "unheard of"}),
        AQuestion({}),
        AQuestion({"item": "i-0"}, type="another"),
        AQuestion({"item": "i-0"}, candidates=("x",)),
    ],
)
def test_without_a_basis_it_abstains(make_set, question):
    tables = {"item.label": str(make_set(deciders=["m@1"]) / "scores" / "m@1.csv.gz")}

    assert score([question], tables=tables) == [None]


def test_the_shipped_tables_are_found_by_their_relative_path():
    question = AQuestion({"item": "val-0000"}, type="product.identify", candidates=("Anjou", "Conference", "other"))
    tables = {"product.identify": "grocery/scores/vision-sku@1.csv.gz"}

    (answer,) = score([question], tables=tables, elsewhere=0.02)

    assert answer is not None
    assert set(answer) == {"Anjou", "Conference", "other"}
    assert sum(answer.values()) == pytest.approx(1)
    assert max(answer, key=answer.__getitem__) == "Conference"


def test_other_is_never_answered_where_it_may_not_be(make_set):
    tables = {"item.label": str(make_set(deciders=["m@1"]) / "scores" / "m@1.csv.gz")}

    (answer,) = score([AQuestion({"item": "i-0"}, candidates=("a", "b"))], tables=tables, elsewhere=0.5)

    assert set(answer) == {"a", "b"}


def test_other_gets_what_belongs_elsewhere():
    assert restricted(SCORES, ("a", "b", "other"), elsewhere=0.5) == pytest.approx(
        {"a": 0.5 / 0.9, "b": 0.3 / 0.9, "other": 0.1 / 0.9}
    )


@given(
    scores=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1), min_size=1),
    candidates=st.lists(st.sampled_from([*"abcdef", "other"]), unique=True),
    elsewhere=st.floats(0, 1),
)
def test_a_restricted_distribution_sums_to_one_over_the_candidates(scores, candidates, elsewhere):
    found = restricted(scores, candidates, elsewhere)

    assert set(found) <= set(candidates)
    assert not found or sum(found.values()) == pytest.approx(1)


def test_the_decider_imports_nothing_of_adjudge():
    """A model's function is anybody's: it must not need the product to be loaded."""
    code = (
        "import sys, adjudge_retail.playback; print([name for name in sys.modules if name.split('.')[0] == 'adjudge'])"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
