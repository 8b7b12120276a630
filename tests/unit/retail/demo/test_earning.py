from dataclasses import replace

import pytest

from adjudge.client.automation import Slice
from adjudge_retail.demo.earning import Earning, saving, votes_of_people
from adjudge_retail.demo.figures import Row

KEY = ("item.label", "fresh")
ROW = Row("i-1", "d-1", "a", "reviewer", 3, 1, 10.0, "item.label", "store-01", "fresh", "a", audit_votes=1)
ALONE = replace(ROW, source="model", votes=0, audit_votes=0)


def a_slice(certificate=None, state="collecting"):
    return Slice(
        scope="s",
        type="item.label",
        slice="fresh",
        plan="p",
        stage=0,
        deciders=("m@1",),
        locations=("store-01",),
        target=0.05,
        confidence=0.9,
        state=state,
        reason="because",
        epoch=1,
        certificate=certificate,
        standing={"threshold": 0.9},
    )


def test_what_happens_to_a_certificate_is_told_once():
    earning = Earning()
    story = [a_slice(), a_slice("c-1"), a_slice("c-1"), a_slice("c-2"), a_slice(None, "suspended"), a_slice()]

    told = [earning.hear([one], seconds, lambda _: 7) for seconds, one in enumerate(story)]

    assert [[turn.what for turn in turns] for turns in told] == [
        [],
        ["certified"],
        [],
        ["certified again"],
        ["suspended"],
        [],
    ]
    assert [turn.certificate for turn in earning.of(KEY)] == ["c-1", "c-2", "c-2"]
    assert earning.turns[0].seconds == 1
    assert earning.turns[0].audits == 7
    assert earning.certified == set()


def test_audits_cost_before_they_spare():
    usual = votes_of_people([ROW])

    assert usual == 2
    assert saving([ROW], usual).saved == pytest.approx(-0.5)
    assert saving([ROW, ALONE, ALONE, ALONE], usual).saved == pytest.approx(1 - 0.75 / 2)


def test_errors_are_those_against_the_recorded_truth():
    found = saving([ROW, ALONE, replace(ALONE, answer="b"), replace(ALONE, truth=None)], 2)

    assert found.error_automated == 0.5
    assert found.coverage == 0.75
    assert found.audits == 1


def test_of_nothing_nothing_is_said():
    assert saving([], None).saved is None
    assert votes_of_people([ALONE]) is None
