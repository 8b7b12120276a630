"""Peak hours as a layer: which schedule holds is told when a question comes in, on the location's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.config.documents import CLAIMS, Compile, FaultsOf

from adjudge.config import Request
from adjudge.core.plans import ByHand

QUICK = "stages: [{ask: claim-risk@1, accept: {by_hand: 'confidence >= 0.8'}}, {ask: agents, timeout: 1m}]"
PEAK = f"""\
schedules:
  lunch:
    hours: {{mon-fri: 11:30-13:30, 2026-12-24: none, 2026-12-26: 10:00-12:00}}
    plans: {{claims: {{{QUICK}}}}}
    types: {{claim.pay: {{deadline: 1d, lane: realtime}}}}
locations:
  warsaw: {{time_zone: Europe/Warsaw}}
  new-york: {{time_zone: America/New_York}}
  quiet: {{schedules: {{lunch: null}}}}
"""


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)


def threshold(configuration, location: str, at: datetime) -> str:
    accept = configuration.way(location, "claim.pay", Request(at)).plan.stages[0].accept
    assert isinstance(accept, ByHand)
    return accept.condition.text


@pytest.mark.parametrize(
    ("location", "at", "text"),
    [
        ("warsaw", utc(2026, 3, 2, 10, 29), "confidence >= 0.95"),
        ("warsaw", utc(2026, 3, 2, 10, 30), "confidence >= 0.8"),
        ("warsaw", utc(2026, 3, 2, 12, 29, 59), "confidence >= 0.8"),
        ("warsaw", utc(2026, 3, 2, 12, 30), "confidence >= 0.95"),
        ("warsaw", utc(2026, 7, 6, 9, 30), "confidence >= 0.8"),  # summer time
        ("warsaw", utc(2026, 3, 7, 11), "confidence >= 0.95"),  # a Saturday
        ("warsaw", utc(2026, 12, 24, 11), "confidence >= 0.95"),  # a Thursday, excepted
        ("warsaw", utc(2026, 12, 26, 10), "confidence >= 0.8"),  # a Saturday with hours of its own
        ("new-york", utc(2026, 3, 2, 10, 30), "confidence >= 0.95"),
        ("new-york", utc(2026, 3, 2, 16, 30), "confidence >= 0.8"),
        ("quiet", utc(2026, 3, 2, 12), "confidence >= 0.95"),
    ],
)
def test_a_schedule_lays_its_values_over_all_others_while_it_holds(compiled: Compile, location, at, text):
    configuration = compiled(CLAIMS, peak=PEAK)

    assert threshold(configuration, location, at) == text
    assert threshold(configuration, location, at) == text  # from what is remembered of this minute


def test_what_is_remembered_of_a_minute_is_forgotten_after_it_and_before_it(compiled: Compile):
    configuration = compiled(CLAIMS, peak=PEAK)
    noon, evening = utc(2026, 3, 2, 11), utc(2026, 3, 2, 20)

    seen = [threshold(configuration, "warsaw", at) for at in (noon, evening, noon)]

    assert seen == ["confidence >= 0.8", "confidence >= 0.95", "confidence >= 0.8"]


def test_deadline_and_lane_follow_the_schedule(compiled: Compile):
    configuration = compiled(CLAIMS, peak=PEAK)

    at_noon = configuration.question_type("warsaw", "claim.pay", utc(2026, 3, 2, 11))
    assert (at_noon.deadline, at_noon.lane) == (timedelta(days=1), "realtime")
    assert configuration.question_type("warsaw", "claim.pay").deadline is None


def test_a_decision_finds_the_plan_that_it_began_with_whatever_the_time(compiled: Compile):
    configuration = compiled(CLAIMS, peak=PEAK)
    at_noon = configuration.way("warsaw", "claim.pay", Request(utc(2026, 3, 2, 11))).plan

    assert configuration.plan("warsaw", "claim.pay", at_noon.hash) is at_noon
    assert configuration.plan("warsaw", "claim.pay").hash != at_noon.hash


def test_what_schedules_change_is_compiled_once_for_all_locations(compiled: Compile):
    configuration = compiled(CLAIMS, peak=PEAK)
    plans = {
        id(configuration.way(name, "claim.pay", Request(at)).plan)
        for name, at in (("warsaw", utc(2026, 3, 2, 11)), ("new-york", utc(2026, 3, 2, 17)))
    }

    assert len(plans) == 1


def test_thresholds_of_schedules_are_listed_too(compiled: Compile):
    listed = compiled(CLAIMS, peak=PEAK).by_hand()

    assert [(each.layer, each.condition) for each in listed] == [
        ("organisation", "confidence >= 0.95"),
        ("schedule lunch", "confidence >= 0.8"),
    ]


@pytest.mark.parametrize(
    ("sound", "spoilt", "said"),
    [
        ("schedules:\n", "schedules:\n  late: {hours: {fri: 13:00-14:00}, types: {claim.pay: {lane: bulk}}}\n",
         "peak.yaml:3: schedules.lunch: `late` (peak.yaml:2) holds at the same time, as on fri 13:00: one at a time"),
        ("mon-fri: 11:30-13:30, ", "mon-fri: 11:30-13:30, wed-thu: [], ", "a day has 1 to 24 spans, or `none`"),
        ("lane: realtime", "title: Peak", "a schedule changes of a type only deadline, lane, safe_side"),
        ("confidence >= 0.8", "confidense >= 0.8", "peak.yaml:4: schedules.lunch.plans.claims.stages[0].accept"),
        ("quiet: {schedules: {lunch: null}}", "quiet: {schedules: {lunhc: null}}", "there is nothing here"),
        ("    hours: {mon-fri", "    hors: {mon-fri", "did you mean `hours`?"),
    ],
)  # fmt: skip
def test_a_fault_of_a_schedule_says_what_is_meant(faults_of: FaultsOf, sound: str, spoilt: str, said: str):
    assert sound in PEAK

    faults = faults_of(CLAIMS, peak=PEAK.replace(sound, spoilt, 1))

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))


def test_a_schedule_that_changes_nothing_is_a_fault(faults_of: FaultsOf):
    (fault,) = faults_of(CLAIMS, peak="schedules: {lunch: {hours: {daily: 11:00-12:00}}}")

    assert fault.message.startswith("it changes nothing")


def test_a_schedule_that_only_a_route_names_is_taken(compiled: Compile):
    """A route for the night needs no more than the hours."""
    plan = "{type: claim.pay, plan: claims}"
    night = "schedules: {night: {hours: {daily: 22:00-06:00}}}\n"
    routed = CLAIMS.replace(f"[{plan}]", f"[{{type: claim.pay, plan: claims, lane: bulk, schedules: night}}, {plan}]")

    configuration = compiled(night + routed)

    lanes = [
        configuration.way("default", "claim.pay", Request(at)).route.lane
        for at in (utc(2026, 3, 2, 23), utc(2026, 3, 2, 12))
    ]
    assert lanes == ["bulk", None]


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ("{0}", "schedules.lunch"),
        ("groups: {{eu: {{{0}}}}}\nlocations: {{north: {{groups: [eu]}}}}", "groups.eu.schedules.lunch"),
        ("locations: {{north: {{{0}}}}}", "locations.north.schedules.lunch"),
    ],
)
def test_a_fault_of_a_schedule_names_the_path_in_its_document(faults_of: FaultsOf, layer: str, path: str):
    lunch = "schedules: {{lunch: {{hours: {{daily: 11:00-13:00}}, {0}}}}}"
    wrong = lunch.format("plans: {claims: {stages: [{ask: agent, timeout: 1m}]}}")

    faults = faults_of(CLAIMS + layer.format(wrong))

    assert [fault.path for fault in faults] == [f"{path}.plans.claims.stages[0].ask"]
