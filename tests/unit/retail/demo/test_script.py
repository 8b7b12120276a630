from collections import Counter
from datetime import UTC, datetime

import pytest

from adjudge.config import compile_documents
from adjudge_retail import TABLES, pack
from adjudge_retail.chance import seeded
from adjudge_retail.demo.arrivals import BURST, BURST_SHARE, BURST_STARTS, arrivals
from adjudge_retail.demo.cases import MISPLACED, OTHER, deal, folder_sources, is_set_aside, shipped_sources, usable
from adjudge_retail.demo.configuration import documents
from adjudge_retail.demo.script import (
    BUSY_SHARE,
    LEAST_IN_A_POOL,
    REVIEWERS,
    VOTES_PER_SECOND,
    EmptySet,
    write_script,
)
from adjudge_retail.demo.stores import TWELVE
from adjudge_retail.demo.telling import introduction
from adjudge_retail.labelled import read_set
from adjudge_retail.people import CONFIRM

NOW = datetime(2026, 3, 7, 18, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped():
    return shipped_sources(read_set(TABLES / "grocery"), read_set(TABLES / "grocery-claims"))


@pytest.fixture(scope="module")
def script(shipped):
    return write_script(shipped, 2000, speed=None, seed=1, run="r")


def compiled(script, tmp_path):
    """What the system makes of the demo's configuration; the pack's own documents are read as it reads them."""
    offered = {"pack:retail/retail.yaml": (pack.config / "retail.yaml").read_text()}
    own = documents(script.setting)
    return compile_documents({**(offered if "packs" in own["organisation.yaml"] else {}), **own}, base=tmp_path)


def test_the_burst_is_fifteen_times_the_rate_in_one_group():
    laid = arrivals(60_000, 60, TWELVE, seeded(1))

    busy = [arrival.seconds / 60 for arrival in laid if arrival.store.group == TWELVE.busy]
    inside = sum(BURST_STARTS <= at < BURST_STARTS + BURST_SHARE for at in busy)
    before = sum(at < BURST_STARTS for at in busy)
    assert (inside / BURST_SHARE) / (before / BURST_STARTS) == pytest.approx(BURST, rel=0.05)
    assert [arrival.seconds for arrival in laid] == sorted(arrival.seconds for arrival in laid)
    assert len(laid) == 60_000


def test_a_script_is_the_same_for_the_same_seed(shipped, script):
    again = write_script(shipped, 2000, speed=None, seed=1, run="r")
    other = write_script(shipped, 2000, speed=None, seed=2, run="r")

    assert again.scenes == script.scenes
    assert other.scenes != script.scenes


def test_two_thousand_decisions_take_about_a_minute(script):
    assert len(script.scenes) == 2000
    assert 55 <= script.seconds <= 65
    assert script.scenes[-1].seconds <= script.seconds


def test_people_are_as_quick_as_their_work_wants(shipped, script):
    """All is audited and answered by people at first, and the machine bears so many votes a second."""
    hands = sum(script.staff.values()) * BUSY_SHARE
    votes_per_second = hands * script.speed / CONFIRM.mean_seconds

    assert votes_per_second == pytest.approx(VOTES_PER_SECOND, rel=0.2)
    assert write_script(shipped, 2000, speed=3, seed=1, run="r").speed == 3


def test_nothing_is_automated_by_hand(script):
    """Where the demo begins, and the only way on: a certificate."""
    stages = [stage for drafts in script.setting.drafts.values() for draft in drafts.values() for stage in draft.stages]

    accepted = [stage["accept"] for stage in stages if "accept" in stage]
    assert accepted == [{"certified": {"target": 0.05, "confidence": 0.9}}] * 6
    assert "by_hand" not in "".join(documents(script.setting).values())


def test_auditors_are_apart_from_those_who_decide(script, tmp_path):
    """Their votes can be counted apart, and nobody is asked twice."""
    configuration = compiled(script, tmp_path)

    audits = configuration.question_type("store-01", "product.confirm").audits
    assert (audits.expert, audits.pool, audits.slices) == ("experts", None, "format")
    assert script.staff["experts"] >= LEAST_IN_A_POOL
    assert sum(script.staff.values()) == REVIEWERS


def test_where_nobody_knows_the_truth_people_audit(make_set, tmp_path):
    folder = make_set(deciders=["m@1"], answers=5)
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id\n" + "\n".join(f"i-{number}" for number in range(60)) + "\n")

    script = write_script(folder_sources(read_set(folder)), 50, speed=None, seed=1, run="r")

    audits = compiled(script, tmp_path).question_type("store-01", "item.label").audits
    assert (audits.expert, audits.pool, audits.votes) == (None, "auditors", 3)
    assert script.staff["auditors"] >= audits.votes
    assert "disagreements with what most of three people say" in introduction(script)


def test_where_there_is_no_model_nobody_audits(make_set, tmp_path):
    script = write_script(folder_sources(read_set(make_set(answers=5))), 50, speed=None, seed=1, run="r")

    assert compiled(script, tmp_path).question_type("store-01", "item.label").audits is None
    assert "nothing can be earned" in introduction(script)


def test_scores_that_no_model_may_give_are_told_of(make_set):
    """The demonstration ran to its end, and the set was nowhere said to be wrong."""
    script = write_script(
        folder_sources(read_set(make_set(deciders=["m@1"], sure=1.5, answers=5))), 50, speed=None, seed=1, run="r"
    )

    assert "m@1 has 60 rows of 60 in set that are no probabilities with the sum 1 (the first is i-0)" in introduction(
        script
    )


def test_the_truth_is_a_candidate_or_other(script):
    cases = [scene.case for scene in script.scenes if scene.case.candidates]

    assert all(case.truth in case.answers for case in cases)
    assert all(case.truth == (case.item.truth if case.item.truth in case.candidates else OTHER) for case in cases)
    assert Counter(case.truth for case in cases)[OTHER] / len(cases) == pytest.approx(MISPLACED, abs=0.02)


def test_the_truth_is_not_in_the_evidence(script):
    for scene in script.scenes:
        evidence = scene.case.evidence(NOW, "pictures://x.svg", "2.0")
        assert set(evidence) <= {"item", "event", "shelf", "claimed", "media"}
        assert set(evidence["event"]) <= {"id", "at", "facing", "edge", "delta_g", "sigma_g"}
        if scene.case.candidates:
            facing = evidence["event"]["facing"]
            assert facing.count(".") == 2
    same_place = [s.case for s in script.scenes if s.case.candidates and s.case.truth != OTHER]
    stands_there = [case.candidates[int(case.facing[-2:]) - 1] == case.truth for case in same_place]
    assert sum(stands_there) / len(stands_there) < 0.3  # the facing is drawn, not the product's own


def test_models_are_chosen_on_items_that_are_replayed_last(shipped, script):
    for source in shipped:
        dealt = deal(source, seeded(1))
        order = [is_set_aside(next(dealt)) for _ in usable(source)]
        assert order == sorted(order)
        assert 0.15 < sum(order) / len(order) < 0.25
    assert script.replayed_set_aside == 0


def test_the_groups_follow_different_plans(script, tmp_path):
    configuration = compiled(script, tmp_path)

    assert len(configuration.locations) == 12
    for source in script.setting.sources:
        plans = {
            group: {configuration.plan(store.name, source.type).hash for store in TWELVE.stores if store.group == group}
            for group in TWELVE.groups
        }
        assert all(len(hashes) == 1 for hashes in plans.values())
        assert len(set.union(*plans.values())) == 3


@pytest.mark.parametrize(
    "made",
    [
        {"deciders": ["m@1", "m@2"]},
        {"deciders": ["m@1"]},
        {"deciders": ["m@1"], "sure": 0.4},
        {"answers": 5},
        {"answers": 1},
        {"counts": True},
        {"deciders": ["a@1", "b@1", "c@1"], "answers": 2},
        {"items": 3, "answers": 4},
    ],
    ids=str,
)
def test_any_folder_of_the_layout_makes_a_sound_configuration(make_set, made, tmp_path):
    sources = folder_sources(read_set(make_set(**made)))

    script = write_script(sources, 50, speed=None, seed=1, run="r")

    configuration = compiled(script, tmp_path)
    assert {scene.case.source.type for scene in script.scenes} == {"item.label"}
    assert configuration.question_type("store-01", "item.label").space.labels == ("a", "b", "c")


def test_no_more_people_are_asked_than_have_answered(make_set):
    script = write_script(folder_sources(read_set(make_set(answers=2))), 50, speed=None, seed=1, run="r")

    stages = [stage for draft in script.setting.drafts["item.label"].values() for stage in draft.stages]
    assert {stage["votes"]["max"] for stage in stages if "votes" in stage} == {1}


def test_a_set_without_truth_and_answers_is_refused(make_set):
    folder = make_set()
    (folder / "items.csv.gz").unlink()
    (folder / "items.csv").write_text("item_id\nx\n")

    with pytest.raises(EmptySet, match="no item"):
        write_script(folder_sources(read_set(folder)), 50, speed=None, seed=1, run="r")
