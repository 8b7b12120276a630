"""A database with the schema and rows to put into it, without HTTP: for what one statement costs."""

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg

from adjudge.api import questions
from adjudge.config import Configuration, compile_documents
from adjudge.core.advance import Settle, advance
from adjudge.core.controls import Controls
from adjudge.core.events import Opinion
from adjudge.core.history import History
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.coins import Coin
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.settling import new_outcome
from adjudge.engine.identifiers import Identifiers
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.intake.opening import Intake, Opened
from adjudge.stack import embedded
from adjudge.store import migrations, partitions
from adjudge.store.intake import NewDecision
from adjudge.store.outcomes import NewOutcome
from adjudge.store.scope import SYSTEM
from load.messages import NUMBER, question
from load.processes import cpu_seconds
from load.questions import TYPE, project_files

SEED: Final = 7
BODY: Final = json.dumps(question(TYPE))
LOCATION: Final = "default"
CLOCK_SECONDS: Final = 0.001
"""What uvloop's clock can tell apart."""
ROUNDS_OF_WARMTH: Final = 8
"""Calls before a statement is timed: PostgreSQL settles on a plan after the fifth."""


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """Run an embedded PostgreSQL with the schema and its partitions; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="adjudge-bench-") as folder:
        async with embedded(Path(folder), valkey=False, report=lambda _: None) as servers:
            url = str(servers.database_url)
            await migrations.upgrade(url)
            connection = await connected(url)
            await partitions.ensure(connection)
            await connection.close()
            yield url


async def connected(url: str) -> Any:
    """Connect with the settings that the system's own connections have."""
    return await asyncpg.connect(url, timeout=10, server_settings={"timezone": "UTC", "jit": "off"})


class Rows:
    """Makes rows as the API and the worker make them; each maker has its own name, and so its own keys."""

    def __init__(self, commit: GroupCommit, *, name: str) -> None:
        self._name = name
        self._clock = DatabaseClock()
        self._configuration = _configuration()
        self.intake = Intake(
            commit,
            Revisions(self._configuration, _never),
            now=self._clock,
            new_id=Identifiers(self._clock, random.Random(SEED)),
            coin=Coin("1", bytes(32)),
            controls=ControlsInForce(),
            audit_rate=0.02,
            evidence_key=bytes(32),
        )
        self._next = 0

    def asked(self) -> tuple[NewDecision, Opened]:
        """Return the row of a new question and the decision it opens."""
        self._next += 1
        number = str(self._next).zfill(len(NUMBER))
        body = BODY.replace(NUMBER, number).encode()
        question = questions.read(body, key=f"{self._name}-{number}", trace=None)
        place = self.intake.places.find(SYSTEM, question.location, question.type)
        return self.intake.prepare(SYSTEM, place, question)

    def settled(self, opened: Opened) -> NewOutcome:
        """Return the outcome that a sure model leads to."""
        [slip] = opened.slips
        now = self._clock()
        opinion = Opinion(
            at=now,
            stage=slip.stage,
            by=slip.decider,
            source="model",
            answer="orange",
            confidence=0.99,
            distribution={"orange": 0.99, "satsuma": 0.01},
            seconds=0.002,
            cost_micros=500,
            currency="USD",
        )
        history = History(slip.case, (*slip.events, opinion))
        step = advance(self._configuration.plan(LOCATION, TYPE), history, Controls(), now)
        assert isinstance(step, Settle)
        return new_outcome(slip.decision, slip.stage, step.outcome, history.events + step.record, attempt=uuid4())


class Meter:
    """Time and PostgreSQL's CPU for a number of rows."""

    def __init__(self, backend: int, loop_time: Callable[[], float]) -> None:
        self._backend, self._loop_time = backend, loop_time
        self._began, self._used = loop_time(), cpu_seconds(backend)

    @classmethod
    async def of(cls, connection: Any) -> "Meter":
        """Start to measure; the connection's backend is what is looked at."""
        return cls(await connection.fetchval("SELECT pg_backend_pid()"), asyncio.get_running_loop().time)

    def read(self, rows: int) -> tuple[float, float]:
        """Return rows a second, and microseconds of the backend's CPU for each."""
        seconds, used = max(CLOCK_SECONDS, self._loop_time() - self._began), cpu_seconds(self._backend) - self._used
        return rows / seconds, used / rows * 1e6


def _configuration() -> Configuration:
    name = "config/bench.yaml"
    return compile_documents({name: project_files()[name]}, revision=1, base=Path())


def _never(*_: object) -> Configuration:
    raise AssertionError("there is one revision")
