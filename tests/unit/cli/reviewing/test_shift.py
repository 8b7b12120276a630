"""A reviewer at work against an API that only remembers."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest

from adjudge.cli.reviewing.shift import Shift
from adjudge.cli.reviewing.terminal import Screen
from adjudge.client import AsyncAdjudge, Patience, Unauthorized

PROMPT = (
    'claim.pay  amount 50.00  "fell off the shelf"  due in 9:41      [1] pay  [2] refuse  [s]kip  [u]ndo  [q]uit > '
)


class Api:
    """Hands out tasks, records what comes back; each is one line of `told`."""

    def __init__(self, tasks) -> None:
        self.tasks = list(tasks)
        self.told: list[str] = []
        self.changed = asyncio.Event()
        self.says: dict[str, httpx.Response] = {}
        self.empty = {"reason": "none_waiting", "detail": ""}

    async def handle(self, request: httpx.Request) -> httpx.Response:
        *_, task, verb = request.url.path.split("/")
        body = json.loads(request.content)
        if verb != "claim":
            self.told.append(f"{verb} {task} {body.get('answer', body.get('reason', ''))}".strip())
            self.changed.set()
        if verb in self.says:
            return self.says[verb]
        if verb == "claim":
            return await self._claim(body["count"])
        if verb == "answer":
            return httpx.Response(200, json={"recorded": "vote", "decision_status": "open"})
        return httpx.Response(200, json={"lease_until": "2026-12-01T12:02:00Z"})

    async def _claim(self, count: int) -> httpx.Response:
        handed, self.tasks = self.tasks[:count], self.tasks[count:]
        if not handed and self.empty["reason"] == "none_waiting":
            await asyncio.Event().wait()  # a long poll for work that never comes
        tasks = [msgspec.to_builtins(task) for task in handed]
        return httpx.Response(200, json={"tasks": tasks, "empty": None if tasks else self.empty})

    async def was_told(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.told) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.told


class Window(io.StringIO):
    """A screen whose text can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        self.changed.set()
        return written

    async def shows(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while self.getvalue().count(text) < times:
                self.changed.clear()
                await self.changed.wait()


class Person:
    """A shift under way, and the clock it goes by."""

    def __init__(self, api: Api, adjudge: AsyncAdjudge, noon, *, by_lines: bool) -> None:
        self.api = api
        self.window = Window()
        self.wanted = 0
        self.shift = Shift(
            adjudge,
            Screen(self.window),
            pools=None,
            want_line=self._want if by_lines else None,
            now=asyncio.get_running_loop().time,
            clock=lambda: noon,
        )
        self.work = asyncio.create_task(self.shift.run())

    def _want(self) -> None:
        self.wanted += 1

    def press(self, keys: str) -> None:
        for key in keys:
            self.shift.put(key)

    async def leave(self) -> None:
        self.shift.put(None)
        async with asyncio.timeout(5):
            await self.work


@pytest.fixture
def at_work(noon):
    @asynccontextmanager
    async def build(*tasks, by_lines: bool = False, **changes) -> AsyncIterator[Person]:
        api = Api(tasks)
        for name, value in changes.items():
            setattr(api, name, value)
        transport = httpx.MockTransport(api.handle)
        patience = Patience(total_seconds=0)
        async with AsyncAdjudge("http://adjudge.test", "anna", transport=transport, patience=patience) as adjudge:
            person = Person(api, adjudge, noon, by_lines=by_lines)
            yield person
            if not person.work.done():
                await person.leave()

    return build


def refusal(status: int, kind: str) -> httpx.Response:
    return httpx.Response(status, json={"type": f"https://adjudge.dev/problems/{kind}", "title": kind})


async def test_one_key_answers_and_the_next_task_stands_there(at_work, a_task):
    async with at_work(a_task("a"), a_task("b")) as anna:
        await anna.window.shows(PROMPT)

        anna.press("2")
        await anna.window.shows(PROMPT, times=2)
        anna.press("1")

        assert await anna.api.was_told(1) == ["answer a refuse"]
        assert f"{PROMPT}2\n" in anna.window.getvalue()


async def test_a_task_that_was_settled_or_given_to_others_does_not_stand_there_any_longer(at_work, a_task, noon):
    """Nothing waits behind it: what was typed is left on its line, and no prompt comes after."""
    short = msgspec.structs.replace(a_task("a"), lease_until=noon)
    async with at_work(short, says={"heartbeat": refusal(409, "lease-ended")}) as anna:
        await anna.window.shows(PROMPT)

        await anna.window.shows("claim.pay is no longer before you: lease-ended")

        assert anna.window.getvalue().endswith("lease-ended\n")
        assert anna.window.getvalue().count(PROMPT) == 1


async def test_an_answer_is_sent_after_two_seconds_without_another_key(at_work, a_task):
    async with at_work(a_task("a")) as anna:
        await anna.window.shows(PROMPT)

        anna.press("1")

        assert await anna.api.was_told(1) == ["answer a pay"]


async def test_what_was_taken_back_is_answered_anew(at_work, a_task):
    async with at_work(a_task("a"), a_task("b")) as anna:
        await anna.window.shows(PROMPT)

        anna.press("2u1")
        await anna.leave()

        assert sorted(anna.api.told) == ["answer a pay", "release b"]


async def test_leaving_sends_the_held_answer_and_releases_the_rest(at_work, a_task):
    async with at_work(a_task("a"), a_task("b"), a_task("c")) as anna:
        await anna.window.shows(PROMPT)
        anna.press("1")
        await anna.window.shows(PROMPT, times=2)

        anna.press("q")
        async with asyncio.timeout(5):
            await anna.work

        assert sorted(anna.api.told)[:2] == ["answer a pay", "release b"]


async def test_a_skip_is_a_decline(at_work, a_task):
    async with at_work(a_task("a"), by_lines=True) as anna:
        await anna.window.shows(PROMPT)

        anna.shift.put("s no_evidence it is dark\n")
        await anna.leave()

        assert anna.api.told == ["decline a no_evidence"]


async def test_a_line_is_wanted_only_when_it_can_be_about_something(at_work, a_task):
    async with at_work(a_task("a"), a_task("b"), by_lines=True) as anna:
        assert anna.wanted == 0
        await anna.window.shows(PROMPT)
        await anna.window.shows(PROMPT)
        assert anna.wanted <= 1

        anna.shift.put("refuse\n")
        await anna.window.shows(PROMPT, times=2)
        await anna.leave()

        assert anna.wanted == 2


async def test_why_there_is_nothing_is_said(at_work):
    async with at_work(empty={"reason": "wrong_pool", "detail": "this key does not belong to agents"}) as anna:
        await anna.window.shows("tasks wait, but not for your pools; waiting, Ctrl-C ends (this key")


async def test_a_late_answer_is_said_to_be_a_label(at_work, a_task):
    async with at_work(a_task("a"), says={"answer": refusal(409, "decision-settled")}) as anna:
        await anna.window.shows(PROMPT)

        anna.press("1")
        await anna.leave()

        assert "your answer was kept as a label" in anna.window.getvalue()


async def test_a_skip_of_what_is_settled_is_not_called_an_answer(at_work, a_task):
    async with at_work(a_task("a"), says={"decline": refusal(409, "decision-settled")}) as anna:
        await anna.window.shows(PROMPT)

        anna.press("s")
        await anna.leave()

        said = anna.window.getvalue()
        assert "claim.pay: settled meanwhile; there was nothing left to skip" in said
        assert "label" not in said


async def test_a_skip_that_is_refused_is_said_to_be_a_skip(at_work, a_task):
    async with at_work(a_task("a"), says={"decline": refusal(409, "lease-ended")}) as anna:
        await anna.window.shows(PROMPT)

        anna.press("s")
        await anna.leave()

        assert "your skip of claim.pay was not taken: lease-ended" in anna.window.getvalue()


async def test_a_refused_answer_is_said_to_be_refused(at_work, a_task):
    async with at_work(a_task("a"), says={"answer": refusal(422, "answer-outside-space")}) as anna:
        await anna.window.shows(PROMPT)

        anna.press("1")
        await anna.leave()

        assert "your answer to claim.pay was not taken: answer-outside-space" in anna.window.getvalue()


async def test_a_task_whose_answer_was_none_that_may_be_given_comes_again(at_work, a_task):
    """A slip of the pen must not cost the question its reviewer: the lease still runs."""
    async with at_work(a_task("a"), a_task("b"), says={"answer": refusal(422, "answer-outside-space")}) as anna:
        await anna.window.shows(PROMPT)
        anna.press("1")
        await anna.window.shows(PROMPT, times=2)
        anna.press("2")

        await anna.window.shows("your answer to claim.pay was not taken: answer-outside-space")
        await anna.window.shows(PROMPT, times=3)
        await anna.leave()


async def test_an_answer_that_cannot_be_sent_is_not_lost_silently(at_work, a_task):
    async with at_work(a_task("a"), says={"answer": refusal(503, "unavailable")}) as anna:
        await anna.window.shows(PROMPT)

        anna.press("1")
        await anna.leave()

        assert re.search("your answer to claim.pay was not sent: unavailable", anna.window.getvalue())


async def test_a_key_that_may_not_review_ends_the_shift(at_work, a_task):
    async with at_work(says={"claim": refusal(401, "unauthenticated")}) as anna:
        with pytest.raises(Unauthorized):
            async with asyncio.timeout(5):
                await anna.work


async def test_a_message_does_not_swallow_the_prompt(at_work, a_task):
    async with at_work(a_task("a"), answers=None) as anna:
        await anna.window.shows(PROMPT)

        anna.press("u")

        await anna.window.shows(PROMPT, times=2)
        assert "nothing to take back" in anna.window.getvalue()
