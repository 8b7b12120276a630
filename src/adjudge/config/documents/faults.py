"""What is wrong with a configuration: every fault at once, each with its place and the nearest valid name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from adjudge.core.errors import AdjudgeError
from adjudge.core.plans import Origin

_SECTIONS: Final = {"group": "groups", "location": "locations", "schedule": "schedules"}


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

    def __init__(self, *, is_new: bool = True) -> None:
        self.is_new = is_new
        """Whether the documents are to be published. What is in force already runs on with its slips."""
        self.met = 0
        """How often one was met, the same again counted too."""
        self._found: dict[tuple[Origin, str, str], tuple[Fault, str]] = {}
        """With the path at a location, where that is another than the one in its document."""

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, origin: Origin, path: str, message: str, nearest: str | None = None, *, layer: str = "") -> None:
        """Note a fault. `layer`: what said it, where the path is that of all layers together."""
        self.met += 1
        said = _in_document(path, layer)
        before, _ = self._found.get((origin, said, message), (None, ""))
        meant = nearest or (before.nearest if before is not None else None)  # at another location less may be given
        self._found[origin, said, message] = Fault(origin.file, origin.line, said, message, meant), path

    def has_below(self, path: str) -> bool:
        """Return whether there is a fault in this part of the documents, or of what a layer lays upon it."""
        return any(at.startswith(path) for _, at in self._found.values())

    def raise_any(self) -> None:
        """Raise InvalidConfiguration where there is a fault, in the order of files and lines."""
        if self._found:
            faults = (fault for fault, _ in self._found.values())
            raise InvalidConfiguration(sorted(faults, key=lambda fault: (fault.file, fault.line)))


def _in_document(path: str, layer: str) -> str:
    """Return where a path stands that a group, a location or a schedule lays upon others."""
    for part in layer.split(" of "):  # the innermost first: `schedule lunch of group bars`
        kind, _, name = part.partition(" ")
        place = f"{_SECTIONS[kind]}.{name}" if kind in _SECTIONS else ""
        is_told = not place or path == place or path.startswith(f"{place}.")
        path = path if is_told else f"{place}.{path}"
    return path


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that was probably meant."""
    return next(iter(get_close_matches(name, list(valid), n=1, cutoff=0.6)), None)
