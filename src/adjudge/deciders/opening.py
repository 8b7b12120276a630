"""The deciders of a process, opened together and asked by their ids."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from adjudge.core.errors import AdjudgeError
from adjudge.core.remote import Secret
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders.calls import Overhear
from adjudge.deciders.decider import Decider, DeciderState
from adjudge.deciders.functions import Unusable
from adjudge.deciders.importing import importable
from adjudge.deciders.lines import Asked
from adjudge.deciders.questions import Answered, Failed, Question
from adjudge.deciders.rules import RuleModel
from adjudge.outbound import PUBLIC_ONLY, Permitted


class DeciderUnavailable(AdjudgeError):
    """A decider's function cannot be imported or called: names the decider, the function and the reason."""

    kind = "decider-unavailable"

    def __init__(self, decider: str, detail: str) -> None:
        super().__init__(f"{decider} cannot be imported: {detail}")


@dataclass(frozen=True, slots=True)
class Outbound:
    """What remote models may be reached with."""

    permitted: Permitted = PUBLIC_ONLY
    secret: Callable[[Secret], str | None] = lambda _: None
    """Gives the value of a secret; None: it is not set."""


NO_PRIVATE_NETWORK: Final = Outbound()


class Deciders:
    """What can be asked while `open_deciders` lasts."""

    def __init__(self, deciders: Mapping[str, Decider]) -> None:
        self._deciders = deciders

    async def ask(self, decider: str, questions: Sequence[Question]) -> list[Answered | Failed]:
        """Return one answer or fault for each question, in order.

        Raises KeyError for a decider that was not opened, and nothing for what a model does.
        """
        return await self._deciders[decider].ask(questions)

    def source(self, decider: str) -> Literal["model", "rule"]:
        """Return as whose its opinions count."""
        return self._deciders[decider].spec.source

    def states(self) -> list[DeciderState]:
        """Return what each decider is doing, in order of id."""
        return [self._deciders[decider].state() for decider in sorted(self._deciders)]


@asynccontextmanager
async def open_deciders(
    specs: Iterable[DeciderSpec],
    *,
    folder: Path,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    rng: random.Random,
    strict: bool = True,
    outbound: Outbound = NO_PRIVATE_NETWORK,
    overhear: Overhear | None = None,
) -> AsyncIterator[Deciders]:
    """Load the functions, `folder` first on the path, and keep them as long as the context lasts.

    Servers of remote deciders are not spoken to before they are asked.

    `clock` is monotonic, in seconds, for what is measured; `now` is UTC, for what is shown; `rng` spreads
    pauses. Raises DeciderUnavailable; a worker that must start anyway is not `strict`: then every
    question to such a decider fails, and `states` says why. `overhear` is told of each result as it came, and of
    the bytes of each reply of a server, before anything is made of them.
    """
    listed = [replace(spec, settings=_known(spec.settings, outbound)) if spec.settings else spec for spec in specs]
    async with AsyncExitStack() as stack:
        stack.enter_context(importable(folder))
        asked = await _remote_models(listed, stack, outbound, now, overhear) | _rules(listed)
        deciders = {
            spec.id: Decider(spec, clock=clock, now=now, rng=rng, asked=asked.get(spec.id), overhear=overhear)
            for spec in listed
        }
        for decider in deciders.values():
            stack.push_async_callback(decider.close)
        opened = await asyncio.gather(*(decider.open() for decider in deciders.values()), return_exceptions=True)
        for name, result in zip(deciders, opened, strict=True):
            if isinstance(result, BaseException) and (strict or not isinstance(result, Unusable)):
                raise DeciderUnavailable(name, str(result)) if isinstance(result, Unusable) else result
        yield Deciders(deciders)


async def _remote_models(
    specs: Sequence[DeciderSpec],
    stack: AsyncExitStack,
    outbound: Outbound,
    now: Callable[[], datetime],
    overhear: Overhear | None,
) -> dict[str, Asked]:
    """Open one client for all remote models. Its library takes half a second and 30 MiB: only who has some loads it."""
    remote = [spec for spec in specs if spec.remote is not None]
    if not remote:
        return {}
    from adjudge.deciders.remote import remote_model  # noqa: PLC0415
    from adjudge.outbound.client import open_client  # noqa: PLC0415

    client = await stack.enter_async_context(open_client(outbound.permitted))
    return {
        spec.id: remote_model(spec, client, outbound.secret, lambda: now().timestamp(), overhear) for spec in remote
    }


def _known(value: Any, outbound: Outbound) -> Any:
    """Return settings with the values of the secrets that they name; one that is not set is None."""
    if isinstance(value, Secret):
        return outbound.secret(value)
    if isinstance(value, Mapping):
        return {key: _known(each, outbound) for key, each in value.items()}
    return [_known(each, outbound) for each in value] if isinstance(value, list) else value


def _rules(specs: Sequence[DeciderSpec]) -> dict[str, Asked]:
    return {spec.id: RuleModel(spec.rule) for spec in specs if spec.rule is not None}
