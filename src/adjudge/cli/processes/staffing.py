"""The deciders of a worker: opened, replaced and retired while it works, as the revisions in use require."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog

from adjudge.cli.processes.grounds import Ground
from adjudge.cli.processes.outbound import outbound_of
from adjudge.core.errors import AdjudgeError
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders import Deciders, DeciderState, open_deciders
from adjudge.engine.clocks import loop_time
from adjudge.engine.configuration.revisions import InForce
from adjudge.engine.deciding.asking import Asking
from adjudge.engine.deciding.recording import Recorder
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.store import work
from adjudge.store.connecting import UNAVAILABLE
from adjudge.streams import Subscription, Worker

log = structlog.get_logger()

LANES: Final[Mapping[str, int]] = {"realtime": 8, "standard": 4, "bulk": 1}
"""Weights: of what a worker handles, where all lanes wait."""
BATCH_MS: Final = 100
"""How long a batch should keep one of the calls of a decider: what is more urgent waits for it."""
RETIRE_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Post:
    """A decider that is open, and asked."""

    spec: DeciderSpec
    deciders: Deciders
    exits: AsyncExitStack


class Staff:
    """The deciders of one worker. One that is no longer in force is asked until no open decision may need it."""

    def __init__(self, ground: Ground, worker: Worker) -> None:
        self._ground = ground
        self._worker = worker
        self._recorder = Recorder(
            ground.pool,
            ground.revisions,
            ground.stepper,
            ground.sender,
            ground.streams,
            controls=ground.controls,
            now=ground.clock,
            new_id=ground.new_id,
            rng=ground.rng,
        )
        self._posts: dict[str, Post] = {}
        self._is_complete = False
        self._coming: dict[str, DeciderSpec] = {}
        """Those of a revision that is about to come into force: none of them is retired meanwhile."""
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(post.exits.aclose() for post in self._posts.values()))

    @property
    def patience_seconds(self) -> float:
        """For how long a worker may be silent: longer than the slowest decider's time-out."""
        return patience(post.spec for post in self._posts.values())

    def names(self) -> list[str]:
        """Return whom it asks."""
        return sorted(self._posts)

    def states(self) -> list[DeciderState]:
        """Return what each decider is doing."""
        return [state for name in self.names() for state in self._posts[name].deciders.states()]

    async def serve_all(self) -> None:
        """Open all that may be asked, now or by decisions that are open; one that cannot be used fails each question.

        With the database away, those of open decisions follow when it is back.
        """
        wanted = self._ground.revisions.serving()
        try:
            wanted = await self._needed() | wanted
        except UNAVAILABLE as error:
            log.warning("worker.retiring_stalled", error=repr(error))
        else:
            self._is_complete = True
        specs = [spec for name, spec in wanted.items() if name not in self._posts]
        for post in await asyncio.gather(*(self._opened(spec, strict=False) for spec in specs)):
            self._take_on(post)

    async def prepare(self, candidate: InForce) -> None:
        """Ask whom the candidate adds, and those that it changes as it has them. Raises DeciderUnavailable."""
        async with self._turn:
            wanted = candidate.serving()
            new = [spec for name, spec in wanted.items() if not self._has(name, spec)]
            posts = await self._all_opened(new)
            self._coming = wanted
            await asyncio.gather(*(self._replace(post) for post in posts))
        if new:
            log.info("worker.deciders_changed", revision=candidate.newest.revision, deciders=[spec.id for spec in new])

    async def run(self) -> None:
        """Retire whoever is no longer needed, until cancelled."""
        while True:
            await asyncio.sleep(RETIRE_SECONDS)
            try:
                if not self._is_complete:
                    await self.serve_all()
                await self.retire()
            except (*UNAVAILABLE, AdjudgeError) as error:
                log.warning("worker.retiring_stalled", error=repr(error))

    async def retire(self) -> None:
        """Close deciders that neither what is in force nor an open decision may ask."""
        async with self._turn:
            leaving = self._posts.keys() - self._ground.revisions.serving() - self._coming.keys()
            for name in sorted(leaving - (await self._needed()).keys()) if leaving else ():
                await self._let_go(name)
                log.info("worker.decider_retired", decider=name)

    async def _needed(self) -> dict[str, DeciderSpec]:
        """Return the deciders of all revisions that open decisions began with, as the newest has them."""
        held = self._ground.revisions
        async with self._ground.pool.acquire() as connection:
            in_use = await work.revisions_in_use(connection)
            await held.load(connection, in_use)
        return {name: spec for number in sorted(in_use) for name, spec in held.configuration(number).serving.items()}

    def _has(self, name: str, spec: DeciderSpec) -> bool:
        return name in self._posts and self._posts[name].spec == spec

    async def _all_opened(self, specs: Sequence[DeciderSpec]) -> list[Post]:
        opened = await asyncio.gather(*(self._opened(spec, strict=True) for spec in specs), return_exceptions=True)
        posts = [each for each in opened if isinstance(each, Post)]
        if len(posts) == len(opened):
            return posts
        await asyncio.gather(*(post.exits.aclose() for post in posts))
        raise next(each for each in opened if isinstance(each, BaseException))

    async def _opened(self, spec: DeciderSpec, *, strict: bool) -> Post:
        exits = AsyncExitStack()
        deciders = await exits.enter_async_context(
            open_deciders(
                [spec],
                folder=self._ground.folder,
                clock=loop_time,
                now=self._ground.clock,
                rng=self._ground.rng,
                strict=strict,
                outbound=outbound_of(self._ground.settings),
            )
        )
        return Post(spec, deciders, exits)

    async def _replace(self, post: Post) -> None:
        if post.spec.id in self._posts:
            await self._let_go(post.spec.id)
        self._take_on(post)

    def _take_on(self, post: Post) -> None:
        self._posts[post.spec.id] = post
        self._worker.allow(self.patience_seconds)
        self._worker.add(self._subscription(post))

    async def _let_go(self, name: str) -> None:
        """Hand out nothing more to a decider, wait for what it has, and close it."""
        post = self._posts[name]
        await self._worker.remove(f"{STREAM_PREFIX}{name}")
        del self._posts[name]
        await post.exits.aclose()

    def _subscription(self, post: Post) -> Subscription:
        ground, spec = self._ground, post.spec
        asking = Asking(
            spec.id,
            kind=spec.kind,
            deciders=post.deciders,
            pool=ground.pool,
            revisions=ground.revisions,
            recorder=self._recorder,
            now=ground.clock,
            rng=ground.rng,
        )
        return Subscription(
            name=f"{STREAM_PREFIX}{spec.id}",
            lanes=LANES,
            handler=asking,
            batch=spec.batch,
            linger_ms=spec.linger_ms,
            batch_ms=batch_ms(spec),
            concurrency=spec.concurrency,
            lease_seconds=ground.settings.lease_seconds,
            on_dead=asking.gave_up,
        )


def batch_ms(spec: DeciderSpec) -> int | None:
    """Return how long a decider's batches should take; where questions linger to share a call, its `batch` decides."""
    return None if spec.linger_ms else BATCH_MS


def patience(specs: Iterable[DeciderSpec]) -> float:
    """Return for how long nothing need come of these deciders."""
    return PATIENCE_SECONDS + 2 * max((spec.timeout.total_seconds() for spec in specs), default=0.0)
