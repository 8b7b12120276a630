"""The watch over a certificate: what it makes of audits, and that it goes on over one that is issued anew."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.unit.engine.slices import COVERS, NOW

from adjudge.automation.families import Tally
from adjudge.automation.paired import PairedWatch
from adjudge.automation.watching import Watch
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople
from adjudge.engine.certificates import watches
from adjudge.engine.certificates.licensing import Scale
from adjudge.store.automation.watched import Automated

AGAINST = AgainstPeople(votes=3, over="plan")
COMPARED = msgspec.structs.replace(COVERS, people=AgainstPeople(votes=3, margin=0.0, over="automated"))
PATIENCE_ENDS = NOW
LONG_AGO, LATELY = NOW - timedelta(days=1), NOW + timedelta(days=1)
UNDECIDED = ((2, LONG_AGO), (4, LATELY))


def automated(number, answer="pay", *, is_open=False, people=(), asked_at=LONG_AGO):
    truth = None if is_open else "pay"
    return Automated(
        decision_id=UUID(int=number),
        rate=1.0,
        number=number,
        truth=truth,
        answer=answer,
        is_open=is_open,
        asked_at=asked_at,
        people=tuple(people),
    )


def test_a_decision_that_may_still_come_to_be_covered_holds_the_watch_up_until_it_is_overdue():
    """It is no lost audit, so it is never counted as wrong for being slow."""
    undecided = [replace(automated(n, None, is_open=True, asked_at=at), is_undecided=True) for n, at in UNDECIDED]
    rows = [automated(1), undecided[0], automated(3), undecided[1], automated(5)]

    assert [row.number for row in watches.up_to_undecided(rows, PATIENCE_ENDS)] == [1, 3]


def watched(*rows: Automated, watch: Watch | None = None) -> tuple[Watch, int]:
    return watches.watched(watch or Watch.begin(target=0.05), 0, rows, PATIENCE_ENDS)


def test_the_watch_waits_for_an_open_audit_until_fifty_behind_it_are_closed_and_its_patience_is_over():
    """Experts may be slower than people who agree at once: what they are still to answer is not wrong for that."""
    watch = Watch.begin(target=0.05)
    fifty, one_more = (list(map(automated, range(2, 2 + n))) for n in (50, 51))
    long_open, lately_open = (automated(1, is_open=True, asked_at=at) for at in (LONG_AGO, LATELY))

    for rows in ([long_open, *fifty], [lately_open, *one_more]):
        assert watched(*rows) == (watch, 0)
    after, number = watched(long_open, *one_more)
    assert (after.audits, after.errors, after.lost, number) == (52, 1, 1, 52)


def test_what_is_closed_behind_open_audits_raises_the_alarm_once_no_answer_to_these_could_prevent_it():
    open_ones = [automated(n, is_open=True, asked_at=LATELY) for n in range(1, 6)]
    wrong = [automated(n, "refuse") for n in range(6, 30)]
    right = [automated(n, asked_at=LATELY) for n in range(1, 6)]

    alarmed, number = watched(*open_ones, *wrong)

    assert alarmed.alarmed
    assert (alarmed, number) == watched(*right, *wrong)
    assert watched(*open_ones, *wrong[:2]) == (Watch.begin(target=0.05), 0)


@pytest.mark.parametrize("late", [{2}, {1, 4, 5}, {3, 9}])
def test_an_alarm_read_ahead_is_one_that_comes_whatever_the_open_audits_turn_out_to_be(late):
    rows = [automated(n, "refuse" if n % 3 == 0 else "pay") for n in range(1, 60)]
    seen = [replace(row, is_open=True, truth=None, asked_at=LATELY) if row.number in late else row for row in rows]
    [ahead, at] = watched(*seen)
    wrong = [replace(row, answer="refuse") if row.number in late else row for row in rows]
    right = [replace(row, answer="pay") if row.number in late else row for row in rows]

    assert ahead.alarmed
    assert all(watched(*closed)[0].alarmed and watched(*closed)[1] <= at for closed in (wrong, right))


def test_the_watch_reads_no_further_than_its_alarm():
    after, number = watched(*(automated(n, "refuse") for n in range(1, 20)))

    assert after.alarmed
    assert number == after.audits == after.errors < 10


def watched_beside(*rows: Automated) -> tuple[PairedWatch, int]:
    return watches.watched_beside(PairedWatch.begin(margin=0.0), 0, rows, PATIENCE_ENDS, AGAINST)


def test_the_watch_against_people_reads_who_alone_was_wrong():
    votes = ("pay", "pay", "refuse")
    both_right, only_model = automated(1, people=votes), automated(2, "refuse", people=votes)
    only_people, both_wrong = automated(3, people=("refuse",) * 3), automated(4, "refuse", people=("refuse",) * 3)
    lost = replace(automated(5, people=("refuse",) * 3), truth=None)

    watch, number = watched_beside(both_right, only_model, only_people, both_wrong, lost)

    assert (watch.audits, watch.only_model, watch.only_people, number) == (5, 2, 1, 5)


def test_a_question_that_was_withdrawn_before_anybody_answered_speaks_for_neither_side():
    """Else a shop that withdraws one in twenty while people decide could show nothing."""
    votes = ("pay", "pay", "refuse")
    withdrawn = replace(automated(1, people=votes), answer=None)
    lost = replace(withdrawn, number=2, truth=None)

    watch, number = watched_beside(withdrawn, lost)

    assert (watch.audits, watch.only_model, watch.only_people, number) == (2, 1, 0, 2)


def test_it_waits_for_what_people_are_still_to_decide_while_that_is_no_older_than_patience():
    fifty_one = [automated(n, people=("pay",) * 3) for n in range(2, 53)]

    assert watched_beside(automated(1, is_open=True, asked_at=LATELY), *fifty_one)[1] == 0
    watch, number = watched_beside(automated(1, is_open=True), *fifty_one)
    assert (watch.only_model, number) == (1, 52)
    only_model = [automated(n, "refuse", people=("pay",) * 3) for n in range(1, 40)]
    alarmed, number = watched_beside(*only_model[:29])
    assert alarmed.alarmed
    assert number == alarmed.audits < 25
    ahead, later = watched_beside(automated(0, is_open=True, asked_at=LATELY), *only_model)
    assert ahead.alarmed
    assert number < later


def test_the_watch_over_money_weighs_what_it_reads():
    limit = Stake(50_000, "USD")
    scale = Scale(up_to=limit, rates={"USD": 1.0}, largest=10_000.0)
    dear = replace(automated(1, "refuse"), stake=limit, rate=0.05)
    cheap = replace(automated(2, "refuse"), stake=Stake(100, "USD"), rate=0.05)
    watch = Watch.begin(target=0.05)

    read, _ = watches.watched(watch, 0, [dear, cheap], PATIENCE_ENDS, scale)

    assert read == watch.after(True, 1.0).after(True, 1 / 500)


def test_a_worried_watch_has_no_part_in_how_many_audits_a_dated_look_counts():
    """It has a slice audited tenfold once errors have come; an exact test wants a number apart from answers."""
    usual = [replace(automated(n, "refuse" if n < 5 else "pay"), rate=0.05) for n in range(100)]
    boosted = [replace(automated(n), rate=0.5) for n in range(100, 1_100)]
    lost = [replace(automated(1_100, is_open=True), rate=0.05), replace(automated(1_101), truth=None, rate=0.05)]

    found = watches.tallied([*usual, *boosted, *lost], "scope")

    assert found.errors == 7
    assert 102 + 70 < found.audits < 102 + 130
    assert watches.tallied([], "scope") == Tally(audits=0, errors=0)


@pytest.mark.parametrize("covers", [COVERS, COMPARED], ids=["of a target", "against people"])
def test_what_has_been_seen_goes_on_to_speak_over_what_is_renewed(covers):
    """Who renews before the alarm would else never hear it."""
    watch = watches.begun(covers)
    for _ in range(2):
        watch = watch.after(1)

    renewed = watches.gone_on(watch, covers)

    assert 1 < watch.capital < watch.level
    assert (renewed.stakes, renewed.read, renewed.audits) == (watch.stakes, 2, 0)
    assert renewed.capital >= watch.capital


def test_each_of_those_that_inherit_is_watched_at_its_share():
    assert watches.begun(COVERS, siblings=20).level == 20 * watches.begun(COVERS).level
    watch = watches.gone_on(watches.begun(COVERS), COVERS, siblings=20)
    assert isinstance(watch, Watch)
    assert watch.level == 20 * watches.begun(COVERS).level
