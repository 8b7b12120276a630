"""Decides what becomes of each message of a batch once its handler has returned or raised."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adjudge.streams.messages import Message
from adjudge.streams.retrying import GiveUp, Retries, Retry, after_failure
from adjudge.streams.signals import Crashed, Stall


@dataclass(frozen=True, slots=True)
class Failed:
    """A message, what was raised about it, and the wait before it is tried again."""

    message: Message
    error: Exception
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every message of a batch, in one of its ways to go on."""

    done: Sequence[Message] = ()
    stalled: list[Failed] = field(default_factory=list)
    again: list[Failed] = field(default_factory=list)
    dead: list[Failed] = field(default_factory=list)
    crashed: list[Failed] = field(default_factory=list)


def judge(
    messages: Sequence[Message], errors: Mapping[str, Exception], retries: Retries, rng: random.Random, now: float
) -> Verdict:
    """Sort a batch by the errors its handler named, at Unix seconds `now` of the server; without an error: done."""
    if not errors:
        return Verdict(done=messages)
    verdict = Verdict(done=[message for message in messages if message.id not in errors])
    for message in messages:
        if error := errors.get(message.id):
            _sort(verdict, message, error, retries, rng, now)
    return verdict


def _sort(
    verdict: Verdict, message: Message, error: Exception, retries: Retries, rng: random.Random, now: float
) -> None:
    if isinstance(error, Stall):
        verdict.stalled.append(Failed(message, error))
        return
    if isinstance(error, Crashed):
        verdict.crashed.append(Failed(message, error))
        return
    match after_failure(message, error, retries, rng, now):
        case Retry(seconds):
            verdict.again.append(Failed(message, error, seconds))
        case GiveUp():
            verdict.dead.append(Failed(message, error))
