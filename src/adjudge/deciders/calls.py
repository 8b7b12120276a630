"""One call: its questions are put, and put again in halves or whole, until each has an answer or a fault.

If a call of several questions raises, one of them may be to blame, and which of them share a call was our choice. So
each half is asked by itself, and halves of those that raise again: at most 2 log2 n further calls. The spec's
`retries` come on top, for calls that cannot be halved, or need not be because the server was not reached at all. A
time-out is never tried again, nor is what a quota refuses.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from adjudge.core.events import FaultKind
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders.breakers import Breaker, Ticket
from adjudge.deciders.functions import Garbled, Raised, Unanswered
from adjudge.deciders.lines import Line, Lines, NoLine
from adjudge.deciders.questions import Answered, Failed, Question
from adjudge.deciders.results import Declined, Down, OutOfQuota, Priced, Withheld
from adjudge.deciders.scores import Garbage, Reader

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0

Overhear: TypeAlias = Callable[[Any], None]
"""Told of each result as it came."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all calls of one decider share."""

    spec: DeciderSpec
    lines: Lines
    breaker: Breaker
    clock: Callable[[], float]
    rng: random.Random
    overhear: Overhear | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """Questions `start` to `stop` of the call, and how often just these have raised."""

    start: int
    stop: int
    failures: int = 0

    def halves(self) -> tuple["_Part", "_Part"]:
        middle = (self.start + self.stop) // 2
        return _Part(self.start, middle), _Part(middle, self.stop)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a question has no answer, so far."""

    fault: FaultKind
    detail: str
    recorded: str

    @property
    def reason(self) -> str:
        return f"{self.fault}: {self.detail}"


_SHUT_OUT: Final = _Refusal("breaker", "", "")
_FAILURES: Final[frozenset[FaultKind]] = frozenset({"error", "timeout", "garbage", "quota"})
"""What speaks against the decider; the rest against the question."""

_MARKED: Final = (Priced, Withheld)
_Again: TypeAlias = Literal["never", "halves", "whole"]


class Call:
    """One call in progress."""

    def __init__(self, equipment: Equipment, questions: Sequence[Question]) -> None:
        self._equipment = equipment
        self._spec = equipment.spec
        self._breaker = equipment.breaker
        self._questions = questions
        self._answers: list[Answered | _Refusal] = [_SHUT_OUT] * len(questions)
        self._times_put = [0] * len(questions)
        self._extra_micros = [0] * len(questions)
        self._untold: set[int] = set()
        """Questions with a price that their server does not tell."""
        self._started = equipment.clock()
        self._limit = asyncio.timeout(None)
        self._trying: tuple[_Part, Ticket] | None = None

    async def outcome(self) -> list[Answered | Failed]:
        """Make the call; one answer a question, in order. Never raises but when it is cancelled."""
        try:
            async with self._limit:
                await self._try_all()
        except TimeoutError:
            self._overran()
        finally:
            if self._trying is not None:
                self._breaker.withdrawn(self._trying[1])
        return [self._final(index, answer) for index, answer in enumerate(self._answers)]

    async def _try_all(self) -> None:
        parts = deque([_Part(0, len(self._questions))])
        spare_calls = 2 * (len(self._questions) - 1).bit_length()
        while parts and not self._breaker.is_shut_out():
            part = parts.popleft()
            again = await self._put(part)
            if again == "halves" and part.stop - part.start > 1 and spare_calls >= 2:
                parts.extend(part.halves())
                spare_calls -= 2
            elif again != "never" and part.failures < self._spec.retries:
                await self._pause(part.failures)
                parts.append(_Part(part.start, part.stop, part.failures + 1))

    async def _put(self, part: _Part) -> _Again:
        """Put these questions and note what comes of it; return how that may be tried again."""
        try:
            line = await self._equipment.lines.take()
        except NoLine:
            self._found_no_line(part)
            return "never"
        ticket = self._breaker.admit()
        if ticket is None:
            self._equipment.lines.give(line)
            return "never"
        self._begin(part, ticket)
        return await self._ask(line, part)

    async def _ask(self, line: Line, part: _Part) -> _Again:
        try:
            self._heard(part, await line.ask(self._questions[part.start : part.stop]))
        except Raised as error:
            if isinstance(error, Down) and not error.was_sent:
                self._not_sent(range(part.start, part.stop))
            self._refused(part, "error", error)
            return "whole" if isinstance(error, Down) else "halves"
        except Garbled as error:
            self._refused(part, "garbage", error)
        except Declined as error:
            self._refused(part, "refused", error)
            return "halves" if part.stop - part.start > 1 else "never"
        except OutOfQuota as error:
            self._refused(part, "quota", error, rest_seconds=error.seconds)
        return "never"

    def _begin(self, part: _Part, ticket: Ticket) -> None:
        """The time of a call begins when it first has a line; before that it is others that are slow."""
        if self._limit.when() is None:
            self._started = self._equipment.clock()
            self._limit.reschedule(asyncio.get_running_loop().time() + self._spec.timeout.total_seconds())
        self._trying = (part, ticket)
        for index in range(part.start, part.stop):
            self._times_put[index] += 1

    def _heard(self, part: _Part, results: Sequence[Any]) -> None:
        seconds = self._seconds()
        reader = Reader()
        for index, result in enumerate(results, part.start):
            if self._equipment.overhear is not None:
                self._equipment.overhear(result)
            plain = self._unwrapped(index, result) if isinstance(result, _MARKED) else result
            if isinstance(plain, _Refusal):
                self._answers[index] = plain
                continue
            try:
                scores = reader.read(self._questions[index].space, plain)
            except Garbage as error:
                self._answers[index] = _Refusal("garbage", str(error), error.recorded)
            else:
                self._answers[index] = Answered(
                    answer=scores.answer,
                    confidence=scores.confidence,
                    distribution=scores.distribution,
                    seconds=seconds,
                    cost_micros=self._spec.cost_micros * self._times_put[index] + self._extra_micros[index],
                    currency=self._spec.currency,
                    is_cost_known=index not in self._untold,
                )
        self._conclude(part)

    def _not_sent(self, indices: Iterable[int]) -> None:
        """Take back that these were put: nobody has seen them, and nothing is paid."""
        for index in indices:
            self._times_put[index] -= 1

    def _unwrapped(self, index: int, result: Priced | Withheld) -> Any:
        """Note what was paid; return the result as a function would have given it, or why there is none."""
        withheld = result.result if isinstance(result, Priced) else result
        if isinstance(withheld, Withheld) and withheld.fault == "no-evidence":
            self._not_sent([index])
            return _Refusal(*withheld)
        if isinstance(result, Priced):
            self._extra_micros[index] += result.cost_micros
            if not result.is_cost_known:
                self._untold.add(index)
            inner = result.result
            return self._unwrapped(index, inner) if isinstance(inner, Withheld) else inner
        return _Refusal(*result)

    def _conclude(self, part: _Part, *, rest_seconds: float | None = None) -> None:
        """Tell the breaker: a try in which nothing was answered has failed; an abstention, or a refusal, is an answer.

        A try of questions that nobody could have been asked tells nothing.
        """
        _, ticket = self._take_back()
        answers = self._answers[part.start : part.stop]
        if any(isinstance(answer, Answered) or answer.fault == "refused" for answer in answers):
            self._breaker.succeeded(ticket)
            return
        refusals = (answer for answer in answers if isinstance(answer, _Refusal))
        failure = next((refusal for refusal in refusals if refusal.fault in _FAILURES), None)
        if failure is None:
            self._breaker.withdrawn(ticket)
        elif rest_seconds is not None:
            self._breaker.refused(ticket, failure.reason, failure.fault, rest_seconds)
        else:
            self._breaker.failed(ticket, failure.reason, failure.fault)

    def _refused(
        self, part: _Part, fault: FaultKind, why: Unanswered | str, *, rest_seconds: float | None = None
    ) -> None:
        """Note of all these why there is no answer; where that is text, it is ours."""
        refusal = _Refusal(fault, str(why), why if isinstance(why, str) else why.recorded)
        self._answers[part.start : part.stop] = [refusal] * (part.stop - part.start)
        self._conclude(part, rest_seconds=rest_seconds)

    def _overran(self) -> None:
        """Note a time-out for what was being asked; while it paused between tries, its error stands."""
        if self._trying is not None:
            self._refused(self._trying[0], "timeout", f"no answer within {self._spec.timeout.total_seconds():g} s")

    def _found_no_line(self, part: _Part) -> None:
        ticket = self._breaker.admit()
        if ticket is not None:
            self._trying = (part, ticket)
            lost = (
                f"none of its {self._spec.concurrency} places came free: calls that overran hold them, or they restart"
            )
            self._refused(part, "timeout", lost)

    def _take_back(self) -> tuple[_Part, Ticket]:
        assert self._trying is not None
        trying, self._trying = self._trying, None
        return trying

    async def _pause(self, failures: int) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 20))
        await asyncio.sleep(longest * self._equipment.rng.uniform(0.5, 1.0))

    def _final(self, index: int, answer: Answered | _Refusal) -> Answered | Failed:
        if isinstance(answer, Answered):
            return answer
        put = self._times_put[index]
        refusal = self._shut_out() if answer is _SHUT_OUT else answer
        return Failed(
            fault=refusal.fault,
            detail=refusal.detail,
            recorded=refusal.recorded,
            seconds=self._seconds() if put else 0.0,
            cost_micros=self._spec.cost_micros * put + self._extra_micros[index],
            currency=self._spec.currency,
            is_cost_known=index not in self._untold,
        )

    def _shut_out(self) -> _Refusal:
        """What opened the breaker happened to other questions: of that only its kind is recorded here."""
        state = self._breaker.state
        return _Refusal("breaker", state.reason, state.fault or "")

    def _seconds(self) -> float:
        return max(0.0, self._equipment.clock() - self._started)
