"""The keys of one name. They share a hash tag, so that one read and one script see one slot."""

from dataclasses import dataclass

DELAYED = "delayed"
RETRYING = "retrying"
DEAD = "dead"
RESERVED = frozenset({DELAYED, RETRYING, DEAD})


@dataclass(frozen=True, slots=True)
class Keys:
    """`{name}:lane` for a lane, and the sets beside them."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("{}"):
            raise ValueError(f"a stream's name is not empty and has no braces: {self.name!r}")

    @property
    def prefix(self) -> str:
        """What all keys of this name begin with."""
        return f"{{{self.name}}}:"

    def lane(self, lane: str) -> str:
        """Stream of a lane."""
        if not lane or lane in RESERVED:
            raise ValueError(f"{lane!r} cannot name a lane")
        return self.prefix + lane

    @property
    def delayed(self) -> str:
        """Sorted set of messages that wait for another try, by the time they are due."""
        return self.prefix + DELAYED

    @property
    def retrying(self) -> str:
        """Sorted set of the origins of all retried and unfinished messages, by first publication."""
        return self.prefix + RETRYING

    @property
    def dead(self) -> str:
        """Stream of dead letters."""
        return self.prefix + DEAD
