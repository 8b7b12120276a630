import pytest

from adjudge.streams import Entry, KeyRules, Message, Shedding, marks
from adjudge.streams.decoding import fresh
from adjudge.streams.group import written
from adjudge.streams.publishing import _command, _Target
from adjudge.streams.server_clock import ServerClock


def test_a_plain_entry_carries_its_body_only():
    entry = Entry("n", "a", b"body", 5)

    command = _command(_Target("n", "a", 5, None, entry.is_plain), [entry], "wakes")

    assert command[3:] == ("{n}:a", "{n}:waiting/a", 5, -1, b"body")


@pytest.mark.parametrize(
    "options",
    [
        {"key": "k"},
        {"delay_seconds": 0.1},
        {"expires_at": 0.0},
        {"trace": "t"},
        {"dedup_id": "d"},
        {"headers": {"a": "b"}},
    ],
)
def test_whatever_is_said_beside_the_body_makes_an_entry_marked(options):
    assert not Entry("n", "a", b"", 5, **options).is_plain


def test_a_mark_says_only_what_there_is_to_say():
    assert marks.encoded(Entry("n", "a", b"", 5, key="k")) == b'{"k":"k"}'
    assert marks.encoded(Entry("n", "a", b"", 5, delay_seconds=3)) == b""


def test_an_entrys_mark_is_its_messages():
    said = {"key": "kä", "expires_at": 12.5, "trace": "t", "dedup_id": "d", "headers": {"a": "b"}}
    entry = Entry("n", "a", b"x", 5, **said)

    [message] = fresh("n", "a", [(b"1-0", [b"b", b"x", b"m", marks.encoded(entry)])])

    assert message == Message("1-0", "n", "a", b"x", **said)
    assert marks.encoded(message) == marks.encoded(entry)


def test_an_entry_that_waited_knows_its_publication():
    trail = b'{"origin":"delayed/5000-1","published_ms":5000}'
    [message] = fresh("n", "a", [(b"9000-0", [b"b", b"x", b"h", trail])])

    assert (message.origin, message.published_at, message.failures) == ("delayed/5000-1", 5.0, 0)
    assert not message.redelivered


def test_lanes_are_shed_in_equal_steps_the_least_urgent_first():
    shedding = Shedding(("realtime", "standard", "bulk"), total=9_000)

    assert [shedding.bound(lane) for lane in shedding.lanes] == [9_000, 6_000, 3_000]


@pytest.mark.parametrize(("lanes", "total"), [((), 5), (("a", "a"), 5), (("a", "b"), 1)])
def test_impossible_shedding_is_refused(lanes, total):
    with pytest.raises(ValueError, match="distinct lanes"):
        Shedding(lanes, total)


@pytest.mark.parametrize("options", [{"slots": 0}, {"burst": 0}, {"per_second": 0}])
def test_impossible_rules_for_keys_are_refused(options):
    with pytest.raises(ValueError, match="must be positive"):
        KeyRules(**options)


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        (None, (0, 0, 1)),
        (KeyRules(slots=3, per_second=4, burst=2), (3, 250, 2)),
    ],
)
def test_rules_are_written_for_all_publishers(rules, fields):
    assert written(rules) == fields


def test_the_servers_clock_goes_on_by_the_monotonic_one():
    ticks = iter([100.0, 103.0, 104.0, 200.0])
    clock = ServerClock(lambda: next(ticks))

    assert clock.now() == float("-inf")
    clock.heard(1_000.0)
    assert clock.now() == 1_001.0
    assert clock.now() == 1_097.0


@pytest.mark.parametrize(
    "fields",
    [
        (b"b", b"body", b"m", b"{no"),
        (b"b", b"body", b"m", b"\xff"),
        (b"b", b"body", b"m", b'{"k": 7}'),
        (b"b", b"body", b"h", b"[]"),
        (b"b", b"body", b"m", b"", b"h", b'{"origin": 1}'),
        (b"b", b"body", b"m"),
    ],
)
def test_what_cannot_be_read_beside_a_body_is_left_out(fields):
    """Else one entry of a stranger's, or of a later release, would end every worker that reads it."""
    [message] = fresh("n", "a", [(b"1-1", fields)])

    assert (message.body, message.key, message.trail) == (b"body", "", None)
