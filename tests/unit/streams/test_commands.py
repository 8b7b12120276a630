import pytest

from adjudge.streams import Message, Retries, Subscription, scripts
from adjudge.streams.connections.wire import accepted
from adjudge.streams.decoding import fresh, pending
from adjudge.streams.group import finishing, knows_command
from adjudge.streams.keys import Keys
from adjudge.streams.publishing import _by_target
from adjudge.streams.signals import NoGroup, Unavailable


async def nothing(_):
    return None


def test_all_keys_of_a_name_share_its_hash_tag():
    keys = Keys("ask:vision@2")

    assert keys.lane("bulk") == "{ask:vision@2}:bulk"
    assert {keys.delayed, keys.retrying, keys.dead} == {
        f"{{ask:vision@2}}:{s}" for s in ("delayed", "retrying", "dead")
    }


@pytest.mark.parametrize("lane", ["", "dead", "delayed", "retrying", "rules", "counter", "a/b"])
def test_a_lane_cannot_take_the_place_of_another_key(lane):
    with pytest.raises(ValueError, match="cannot name a lane"):
        Keys("n").lane(lane)


@pytest.mark.parametrize("name", ["", "a{b", "a}b"])
def test_a_name_cannot_break_its_hash_tag(name):
    with pytest.raises(ValueError, match="braces"):
        Keys(name)


def test_a_batch_is_acknowledged_and_deleted_in_one_command_each():
    assert finishing("k", "g", ["1-0", "2-0"], has_xackdel=False) == [
        ("XDEL", "k", "1-0", "2-0"),
        ("XACK", "k", "g", "1-0", "2-0"),
    ]


def test_a_server_that_knows_xackdel_needs_one():
    assert finishing("k", "g", ["1-0", "2-0"], has_xackdel=True) == [("XACKDEL", "k", "g", "IDS", 2, "1-0", "2-0")]


@pytest.mark.parametrize(("answer", "known"), [([None], False), ([], False), (None, False), ([[b"xackdel", -6]], True)])
def test_the_probe_understands_what_servers_answer(answer, known):
    assert knows_command(answer) is known


def test_a_refused_probe_means_no():
    assert knows_command(Unavailable("NOPERM")) is False


def test_a_script_is_called_by_hash_and_loaded_by_source():
    by_hash = scripts.LEAVE.command(["k"], ["g", "me"])

    assert by_hash == ("EVALSHA", scripts.LEAVE.sha, 1, "k", "g", "me")
    assert scripts.by_source(by_hash) == ("EVAL", scripts.LEAVE.source, 1, "k", "g", "me")


def test_a_missing_group_is_told_from_other_refusals():
    with pytest.raises(NoGroup):
        accepted(Exception("NOGROUP No such key 'k' or consumer group 'g'"))
    with pytest.raises(NoGroup):
        accepted(Exception("UNBLOCKED the stream key no longer exists"))
    with pytest.raises(Unavailable, match="OOM") as refused:
        accepted(Exception("OOM command not allowed"))
    assert not isinstance(refused.value, NoGroup)


def test_an_entry_read_for_the_first_time_is_no_redelivery():
    [message] = fresh("n", "standard", [(b"1700000000123-4", [b"b", b"body"])])

    assert message == Message("1700000000123-4", "n", "standard", b"body")
    assert (message.deliveries, message.redelivered) == (1, False)
    assert message.published_at == 1_700_000_000.123


def test_a_retried_entry_keeps_its_first_time():
    trail = b'{"origin":"standard/5-0","published_ms":5000,"failures":2}'
    [message] = fresh("n", "standard", [(b"9000-0", [b"b", b"x", b"h", trail])])

    assert (message.published_at, message.origin, message.deliveries) == (5.0, "standard/5-0", 3)
    assert message.redelivered


@pytest.mark.parametrize(("count", "started", "deliveries"), [(0, True, 1), (1, True, 2), (3, True, 4), (1, False, 1)])
def test_a_pending_entry_counts_the_starts_that_came_to_nothing(count, started, deliveries):
    [message] = pending("n", "standard", [(b"1-0", count, [b"b", b"x"])], started=started)

    assert message.deliveries == deliveries


def test_a_crash_limit_that_would_condemn_the_innocent_is_refused():
    with pytest.raises(ValueError, match="innocent"):
        Subscription(name="n", lanes={"a": 1}, handler=nothing, crash_limit=2, retries=Retries())


def test_entries_are_written_with_one_call_for_each_stream_and_bound():
    from adjudge.streams import Entry

    entries = [Entry("n", "a", b"", 5), Entry("n", "b", b"", 5), Entry("n", "a", b"", 5), Entry("n", "a", b"", 9)]

    assert list(_by_target(entries).values()) == [[0, 2], [1], [3]]
