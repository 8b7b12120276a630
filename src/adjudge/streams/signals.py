"""The exceptions of this package. Handlers raise most of them to say what should become of their messages."""


class Stall(Exception):
    """Raised by a handler: what stands behind it is gone, and no message is to blame.

    The messages keep their leases and their counts, reading stops, and the same batch is tried again.
    """


class RetryLater(Exception):
    """Raised by a handler: try again after this time, instead of the usual backoff. Counts as a failure."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"to be tried again in {seconds:g} s")
        self.seconds = seconds

    def __reduce__(self) -> tuple[type["RetryLater"], tuple[float, str]]:
        """Travel between processes."""
        return (type(self), (self.seconds, str(self)))


class Reject(Exception):
    """Raised by a handler: no retry can help; straight to the dead letters."""


class TimedOut(Exception):
    """The reason of a failure: the handler took longer than its `timeout_seconds` and was ended."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the handler was ended after {seconds:g} s")


class Escaped(Exception):
    """The reason of a failure: the handler raised what is meant to end a process or a task, such as SystemExit."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the handler raised {error!r}")
        self.__cause__ = error


class Crashed(Exception):
    """The process that handled a message died. Counts as the death of a consumer, not as a failure."""


class Expired(Exception):
    """The reason of a message that was given up without being handled: its deadline was over."""


class Poison(Exception):
    """The reason of a dead letter whose consumers died, each time, while they had it."""

    def __init__(self, crashes: int) -> None:
        super().__init__(f"{crashes} consumer{'s' * (crashes != 1)} died while having it")
        self.crashes = crashes


class Unavailable(Exception):
    """The broker did not answer, or refused. `publish` returns it; everything else raises it.

    What was asked may have happened all the same: the answer can be lost on its way.
    """


class NoGroup(Unavailable):
    """The stream or its group is gone: flushed, evicted, or never made."""
