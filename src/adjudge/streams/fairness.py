"""How the entries of one key share a lane with those of all others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRules:
    """Bounds for each key of a name, kept on the server for all workers together, in each lane by itself.

    Of every key at most `slots` entries are unfinished in a lane; the others wait in a backlog of the key and
    move in one for one as entries finish. So a key that floods a lane stands in nobody's way (fairness), no more
    than `slots` of its entries are in the hands of handlers at once (concurrency), and with one slot they run
    strictly one after the other in the order of publication (order): a slot is kept through retries and crashes.

    The bound has the limit of every lease: a worker that was silent for longer than its lease may still be at work
    on what another has taken over.
    """

    slots: int = 8
    per_second: float | None = None
    """Entries of a key that may move in within a second, retries included; what workers that were away for a while
    find waiting, at most `slots`, may then start together. None: no limit."""
    burst: int = 1
    """Entries of a key that may move in together after a rest, where `per_second` limits it."""

    def __post_init__(self) -> None:
        if self.slots < 1 or self.burst < 1 or (self.per_second is not None and self.per_second <= 0):
            raise ValueError(f"slots, burst and per_second must be positive: {self}")
