"""The exceptions of this package, most of them raised by a handler to say what shall become of its messages."""


class Stall(Exception):
    """Raised by a handler: what stands behind it is gone, and no message is to blame.

    The messages keep their leases and their counts, reading stops, and the same batch is tried again.
    """


class RetryLater(Exception):
    """Raised by a handler: try again after this time, instead of the usual backoff. Counts as a failure."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"to be tried again in {seconds:g} s")
        self.seconds = seconds


class Reject(Exception):
    """Raised by a handler: no retry can help; straight to the dead letters."""


class Poison(Exception):
    """The reason of a dead letter whose consumers died, each time, while they had it."""

    def __init__(self, crashes: int) -> None:
        super().__init__(f"{crashes} consumers died while they had it")
        self.crashes = crashes


class Unavailable(Exception):
    """The broker did not answer, or refused. `publish` returns it; everything else raises it.

    What was asked may have happened all the same: the answer can be lost on its way.
    """


class NoGroup(Unavailable):
    """The stream or its group is gone: flushed, evicted, or never made."""
