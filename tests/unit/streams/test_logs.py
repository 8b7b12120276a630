import logging

import pytest

from adjudge.streams import Message, Observer
from adjudge.streams.logs import Events, LogObserver, Observers

A_MESSAGE = Message("1-0", "mail", "standard", b"secret body")


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG, "adjudge.streams")
    return caplog


def test_an_event_has_a_stable_name_and_its_facts_beside_it(said):
    LogObserver().dead(A_MESSAGE, ValueError("no"))

    (record,) = said.records
    assert (record.getMessage(), record.levelname) == ("message.dead", "ERROR")
    assert (record.stream, record.lane, record.id, record.error) == ("mail", "standard", "1-0", "ValueError('no')")


def test_no_body_is_ever_said(said):
    observer = LogObserver()
    observer.failed(A_MESSAGE, ValueError("no"), 1.0)
    observer.dead(A_MESSAGE, ValueError("no"))
    observer.expired(A_MESSAGE)

    assert "secret" not in " ".join(Events().format(record) for record in said.records)


def test_a_line_cannot_be_broken_or_forged_by_an_error(said):
    LogObserver().wedged("mail", 1.0, 'one\ntwo reason="x" \x1b[31m')

    line = Events().format(said.records[0])

    assert "\n" not in line
    assert "\x1b" not in line
    assert r"reason=\"x\"" in line


def test_lifting_a_pause_is_told_apart_from_it(said):
    LogObserver().paused("mail", ["bulk"])
    LogObserver().paused("mail", [])

    assert [record.getMessage() for record in said.records] == ["subscription.paused", "subscription.resumed"]


def test_several_observers_hear_everything():
    heard = []

    class Ear(Observer):
        def renewed(self, name, count):
            heard.append((name, count))

    Observers(Ear(), Observer(), Ear()).renewed("mail", 3)

    assert heard == [("mail", 3)] * 2
