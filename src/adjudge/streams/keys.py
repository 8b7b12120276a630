"""The keys of one name. They share a hash tag, so that one read and one script see one slot."""

from dataclasses import dataclass

DELAYED = "delayed"
RETRYING = "retrying"
DEAD = "dead"
RULES = "rules"
COUNTER = "counter"
PAUSED = "paused"
TICKS = "ticks"
TIMEKEEPER = "timekeeper"
RESERVED = frozenset({DELAYED, RETRYING, DEAD, RULES, COUNTER, PAUSED, TICKS, TIMEKEEPER, "*"})


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
        if not lane or lane in RESERVED or "/" in lane:
            raise ValueError(f"{lane!r} cannot name a lane")
        return self.prefix + lane

    @property
    def delayed(self) -> str:
        """Sorted set of messages that wait for their time or another try, by when they are due."""
        return self.prefix + DELAYED

    @property
    def retrying(self) -> str:
        """Sorted set of the origins of unfinished messages that are older than their entries, by publication."""
        return self.prefix + RETRYING

    @property
    def dead(self) -> str:
        """Stream of dead letters."""
        return self.prefix + DEAD

    @property
    def rules(self) -> str:
        """Hash of the rules for the keys of entries, which publishers read."""
        return self.prefix + RULES

    @property
    def paused(self) -> str:
        """Hash of the lanes that must not be read, and why."""
        return self.prefix + PAUSED

    @property
    def ticks(self) -> str:
        """Hash of the last tick of each schedule, Unix milliseconds."""
        return self.prefix + TICKS

    @property
    def timekeeper(self) -> str:
        """The worker that publishes ticks at present; expires with its lease."""
        return self.prefix + TIMEKEEPER

    def waiting(self, lane: str) -> str:
        """How many entries of a lane wait in backlogs."""
        return f"{self.prefix}waiting/{lane}"

    def backlog(self, lane: str) -> str:
        """Sorted set of the keys of entries that have some waiting, by the publication of the first."""
        return f"{self.prefix}backlog/{lane}"

    def shared(self, lane: str) -> list[str]:
        """The keys of a lane and its backlog that scripts name from their prefix; the entry's key ends some more.

        A lane that moves to another server of a cluster is refused as a whole, because they are all declared.
        """
        of_lane = [f"{self.prefix}{kind}/{lane}" for kind in ("waiting", "backlog", "allowed", "due")]
        return [self.lane(lane), *of_lane, self.rules, self.delayed, self.retrying]


def parsed(lane_key: str) -> tuple[str, str]:
    """Name and lane of a lane's stream."""
    name, _, lane = lane_key.removeprefix("{").partition("}:")
    return name, lane
