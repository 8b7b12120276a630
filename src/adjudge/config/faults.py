"""What is wrong with a configuration: every fault at once, each with its place and the nearest valid name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from adjudge.core.errors import AdjudgeError
from adjudge.core.plans import Origin


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    file: str
    line: int
    """1 for the first; 0: the file as a whole."""
    path: str
    """Where in the document: `plans.claims.stages[1].ask`; empty: the document."""
    message: str
    nearest: str | None = None
    """The valid name that was probably meant."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        path = f"{self.path}: " if self.path else ""
        hint = f"; did you mean `{self.nearest}`?" if self.nearest else ""
        return f"{place}: {path}{self.message}{hint}"


class InvalidConfiguration(AdjudgeError):
    """The documents are refused whole."""

    kind = "invalid-configuration"

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")
        self.faults = tuple(faults)


class Faults:
    """Collects faults. The same fault met again, at another location, is one."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, origin: Origin, path: str, message: str, nearest: str | None = None) -> None:
        self._found[Fault(origin.file, origin.line, path, message, nearest)] = None

    def has_below(self, path: str) -> bool:
        """Return whether there is a fault in this part of the documents."""
        return any(fault.path.startswith(path) for fault in self._found)

    def raise_any(self) -> None:
        """Raise InvalidConfiguration where there is a fault, in the order of files and lines."""
        if self._found:
            raise InvalidConfiguration(sorted(self._found, key=lambda fault: (fault.file, fault.line)))


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that was probably meant."""
    return next(iter(get_close_matches(name, list(valid), n=1, cutoff=0.6)), None)
