from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.deciders.asking import NOON, Clock

from adjudge.deciders.breakers import Breaker


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(2, 10.0, clock=clock, now=clock.now)


def fail(breaker, reason="error: broken"):
    ticket = breaker.admit()
    assert ticket is not None
    breaker.failed(ticket, reason)


def test_it_opens_after_failures_in_a_row_and_says_why_since_when_and_until_when(breaker, clock):
    fail(breaker)
    clock.seconds = 5
    fail(breaker, "timeout: no answer within 2 s")

    assert breaker.admit() is None
    assert breaker.state.breaker == "open"
    assert breaker.state.reason == "timeout: no answer within 2 s"
    assert breaker.state.since == NOON + timedelta(seconds=5)
    assert breaker.state.until == NOON + timedelta(seconds=15)


def test_a_success_between_failures_keeps_it_closed(breaker):
    for _ in range(5):
        fail(breaker)
        breaker.succeeded(breaker.admit())

    assert breaker.state.breaker == "closed"


def test_one_probe_is_let_through_and_its_success_closes(breaker, clock):
    fail(breaker)
    fail(breaker)
    clock.seconds = 10
    probe = breaker.admit()

    assert probe is not None
    assert breaker.admit() is None
    assert breaker.state.breaker == "probing"
    assert breaker.state.reason == "error: broken"

    breaker.succeeded(probe)

    assert breaker.state.breaker == "closed"
    assert breaker.state.reason == ""


def test_a_failed_probe_opens_it_again_for_the_whole_time(breaker, clock):
    fail(breaker)
    fail(breaker)
    clock.seconds = 10
    fail(breaker, "error: still broken")

    clock.seconds = 19.9
    assert breaker.admit() is None
    assert breaker.state.reason == "error: still broken"
    clock.seconds = 20
    assert breaker.admit() is not None


def test_a_probe_that_was_given_up_does_not_keep_the_next_from_probing(breaker, clock):
    fail(breaker)
    fail(breaker)
    clock.seconds = 10
    breaker.withdrawn(breaker.admit())

    assert breaker.state.breaker == "open"
    assert breaker.admit() is not None


def test_results_of_tries_from_before_it_moved_are_not_counted(breaker, clock):
    early, late = breaker.admit(), breaker.admit()
    fail(breaker)
    fail(breaker)
    clock.seconds = 10
    probe = breaker.admit()

    breaker.succeeded(early)
    breaker.failed(late, "error: long ago")

    assert breaker.state.breaker == "probing"
    breaker.succeeded(probe)
    assert breaker.state.breaker == "closed"


class AnyTraffic(RuleBasedStateMachine):
    """Whatever order tries come and end in: it never locks up, and lets at most one probe through."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(3, 10.0, clock=self.clock, now=self.clock.now)
        self.tickets = []

    @rule()
    def admit(self):
        was = self.breaker.state.breaker
        ticket = self.breaker.admit()
        if ticket is not None:
            self.tickets.append(ticket)
        assert (ticket is None) == (was == "probing" or (was == "open" and self.breaker.state.breaker == "open"))

    @precondition(lambda self: self.tickets)
    @rule(how=st.sampled_from(["succeeded", "failed", "withdrawn"]))
    def end(self, how):
        ticket = self.tickets.pop(0)
        match how:
            case "succeeded":
                self.breaker.succeeded(ticket)
            case "failed":
                self.breaker.failed(ticket, "error: x")
            case _:
                self.breaker.withdrawn(ticket)

    @rule()
    def wait(self):
        self.clock.seconds += 4

    @invariant()
    def the_reason_is_there_unless_it_is_closed(self):
        state = self.breaker.state
        assert bool(state.reason) == (state.breaker != "closed")
        assert (state.until is not None) == (state.breaker == "open")

    def teardown(self):
        while self.tickets:
            self.breaker.withdrawn(self.tickets.pop())
        self.clock.seconds += 10
        assert self.breaker.admit() is not None


TestAnyTraffic = AnyTraffic.TestCase
TestAnyTraffic.settings = settings(max_examples=40)
