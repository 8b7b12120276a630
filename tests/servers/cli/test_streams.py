"""`adjudge streams …` as typed, against a real broker: what is printed, and the status."""

import asyncio
import json
import random

import pytest
from redis.asyncio import Redis

from adjudge.cli.root import run
from adjudge.streams import Entry, Reject, Streams, Subscription, Worker

NAME = "ask:mail@1"


@pytest.fixture
async def streams(redis_url):
    async with Streams(redis_url, rng=random.Random(1)) as streams:
        yield streams


@pytest.fixture
def typed(redis_url, monkeypatch, tmp_path, capsys):
    """A command line, run as a process would: in a thread of its own, which has no loop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)

    async def typed(*words, url=redis_url):
        address = ["--redis-url", url] if url else []
        status = await asyncio.to_thread(run, ["streams", *words, *address])
        said = capsys.readouterr()
        return status, said.out, said.err

    return typed


async def letters(streams, *bodies, error="it is too big"):
    """Let these die of an error."""

    async def handler(messages):
        raise Reject(error)

    await consumed(streams, handler, *bodies)


async def consumed(streams, handler, *bodies):
    stop = asyncio.Event()
    subscription = Subscription(name=NAME, lanes={"standard": 2, "bulk": 1}, handler=handler, batch=1)
    await streams.publish([Entry(NAME, "standard", body, 1000) for body in bodies])
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(Worker(streams, [subscription], stop=stop).run())
        while NAME not in await streams.registry.lanes() or await streams.oldest(NAME, ["standard"]):
            await asyncio.sleep(0.02)
        stop.set()


async def test_ls_says_when_there_is_nothing_to_show(typed):
    status, out, err = await typed("ls")

    assert (status, len(out.splitlines()), err.count("\n")) == (0, 1, 1)


async def test_ls_shows_what_waits_under_each_name(streams, typed):
    await letters(streams, b"a")
    await streams.publish([Entry(NAME, "bulk", b"b", 10)] * 3)

    status, out, _ = await typed("ls")

    heads, row = out.splitlines()
    assert status == 0
    assert heads.split() == ["NAME", "LANES", "UNREAD", "HELD", "OLDEST", "DELAYED", "DEAD", "STATE"]
    assert row.split() == [NAME, "bulk,", "standard", "3", "0", *row.split()[5:7], "0", "1", "–"]


async def test_show_pending_and_consumers_say_who_has_what(streams, typed, redis_url):
    await letters(streams, b"a")
    await streams.publish([Entry(NAME, "bulk", b"b", 10)])
    async with Redis.from_url(redis_url) as redis:
        await redis.xreadgroup("adjudge", "me", {f"{{{NAME}}}:bulk": ">"})

    (_, shown, _), (_, pending, _), (_, consumers, _) = [
        await typed(command, NAME) for command in ("show", "pending", "consumers")
    ]

    assert "0 delayed, 1 dead, 1 consumer" in shown
    assert pending.splitlines()[1].split()[1:3] == ["bulk", "me"]
    assert consumers.splitlines()[1].split()[:3] == ["me", "bulk", "1"]
    _, out, _ = await typed("pending", NAME, "--consumer", "another", "--json")
    assert json.loads(out) == []


async def test_a_dead_letter_is_shown_with_all_it_knows(streams, typed):
    await letters(streams, b"\x1b[31mred", error="no \x1b[2J")
    letter = json.loads((await typed("dead", NAME, "--json"))[1])[0]

    status, out, _ = await typed("dead", NAME, letter["id"])

    assert status == 0
    assert "adjudge.streams.signals.Reject: no" in out
    assert "Traceback" in out
    assert "\x1b" not in out


async def test_dead_letters_are_chosen_by_error_replayed_and_dropped(streams, typed):
    await letters(streams, *[b"%d" % i for i in range(120)])
    await letters(streams, b"other", error="something else")

    assert (await typed("replay", NAME, "--all", "--error", "too big"))[:2] == (0, "120 replayed\n")
    assert (await typed("drop", NAME, "--all", "--yes"))[:2] == (0, "1 dropped\n")
    handled = []

    async def handler(messages):
        handled.extend(messages)

    await consumed(streams, handler)
    assert len(handled) == 120


async def test_one_dead_letter_is_replayed_once(streams, typed):
    await letters(streams, b"a")
    letter = (await streams.dead_letters.page(NAME))[0]

    assert (await typed("replay", NAME, letter.id))[0] == 0
    status, _, err = await typed("replay", NAME, letter.id)

    assert status == 1
    assert "1 id is no dead letter" in err


async def test_a_mistyped_name_is_met_with_the_nearest(streams, typed):
    await letters(streams, b"a")

    for command in (["show", "ask:mial@1"], ["pause", "ask:mail@2", "--reason", "x"], ["dead", "ask:mail"]):
        status, _, err = await typed(*command)
        assert status == 1
        assert f"did you mean {NAME!r}?" in err


async def test_a_pause_is_shown_with_its_reason_and_lifted(streams, typed):
    await letters(streams, b"a")

    assert await typed("pause", NAME, "--lane", "bulk", "--reason", "too dear") == (
        0,
        f"{NAME}, lane bulk, paused\n",
        "",
    )
    assert (await typed("ls"))[1].splitlines()[1].endswith("paused: bulk")
    assert "too dear" in (await typed("show", NAME))[1]
    assert (await typed("resume", NAME, "--lane", "bulk"))[0] == 0
    status, _, err = await typed("resume", NAME)
    assert (status, "is not paused" in err) == (1, True)


async def test_top_counts_what_passed_between_two_looks(streams, typed):
    await letters(streams, b"a")
    await streams.publish([Entry(NAME, "standard", b"b", 1000)] * 5)
    watching = asyncio.create_task(typed("top", "--json", "--every", "1.5"))
    await asyncio.sleep(0.7)  # its first look is over, its second is not
    await streams.publish([Entry(NAME, "standard", b"b", 1000)] * 30)

    _, out, _ = await watching

    (line,) = json.loads(out)
    assert 15 < line["in_per_second"] <= 21
    assert line["out_per_second"] == 0
    assert (await typed("top", "--once", "--every", "0.1"))[1].splitlines()[1].split()[:4] == [NAME, "0.0", "0.0", "35"]


@pytest.mark.parametrize(
    "words",
    [
        ("replay", NAME),
        ("drop", NAME, "1-0", "--all"),
        ("dead",),
        ("pause", NAME),
        ("replay", NAME, "1-0", "--error", "x"),
        ("replay", NAME, "first"),
        ("dead", NAME, "1"),
    ],
)
async def test_a_command_that_says_too_little_or_too_much_is_wrong_usage(typed, words):
    assert (await typed(*words))[0] == 2


async def test_the_project_of_adjudge_up_is_found(streams, typed, tmp_path, redis_url):
    (tmp_path / ".adjudge").mkdir()
    (tmp_path / ".adjudge" / "stack.json").write_text(json.dumps({"database_url": "", "redis_url": redis_url}))
    await letters(streams, b"a")

    assert NAME in (await typed("ls", url=None))[1]


async def test_no_broker_and_a_silent_one_are_one_line_without_the_password(typed):
    status, _, err = await typed("ls", url=None)
    assert (status, err.count("\n")) == (1, 1)
    assert "no broker is known" in err

    status, _, err = await typed("ls", url="redis://me:secret@127.0.0.1:1/0")
    assert (status, err.count("\n")) == (1, 1)
    assert "secret" not in err
