"""Lua on the server, called by its hash."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

Argument = str | bytes | int | float
Command = tuple[Argument, ...]

_sources: dict[str, str] = {}

EVEN_FULL = "#!lua flags=allow-oom\n"
"""Begins a script that runs on a server without memory too: what moves messages and ends them is what makes room."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua source. Making one is enough for `by_source` to know it."""

    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)
        _sources[sha] = self.source

    def command(self, keys: Iterable[str], arguments: Iterable[Argument]) -> Command:
        """The call by hash; `by_source` makes of it the call that also loads the script."""
        keys = tuple(keys)
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


def by_source(command: Command) -> Command:
    """The same call with the source instead of its hash: what a server needs whose scripts were flushed."""
    return ("EVAL", _sources[str(command[1])], *command[2:])
