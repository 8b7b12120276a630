"""The configuration in force, and those that open decisions began with."""

from collections.abc import Callable, Mapping

from adjudge.config import Configuration
from adjudge.core.errors import AdjudgeError
from adjudge.core.plans import Plan
from adjudge.store import revisions
from adjudge.store.connecting import Connection


class UnknownRevision(AdjudgeError):
    """A decision names a revision that was never published here."""

    kind = "unknown-revision"


class Revisions:
    """Compiled configuration by number. A decision keeps the revision it began with."""

    def __init__(self, current: Configuration, compile_: Callable[[Mapping[str, str], int], Configuration]) -> None:
        self.current = current
        self._compile = compile_
        self._held = {current.revision: current}

    def plan(self, revision: int, location: str, question_type: str) -> Plan:
        """Return the plan of a revision that is held (see `load`)."""
        return self._held[revision].plan(location, question_type)

    def configuration(self, revision: int) -> Configuration:
        """Return a revision that is held, or the current one where it is not."""
        return self._held.get(revision, self.current)

    def missing(self, numbers: set[int]) -> set[int]:
        """Return those that are still to be loaded."""
        return numbers - self._held.keys()

    async def load(self, connection: Connection, numbers: set[int]) -> None:
        """Hold these revisions: read and compile those that this process has not seen yet."""
        for number in self.missing(numbers):
            documents = await revisions.documents(connection, number)
            if documents is None:
                raise UnknownRevision(f"revision {number} was never published here")
            self._held[number] = self._compile(documents, number)
