"""What a model server can say beside a distribution: an answer with its confidence, a refusal, a price."""

from typing import Any, NamedTuple

from adjudge.core.events import FaultKind
from adjudge.deciders.functions import Raised, Unanswered


class Claim(NamedTuple):
    """One answer and how sure the model is of it: nothing is said of the other answers."""

    answer: Any
    """A value or a key of the answer space."""
    confidence: Any
    """Hoped to be a probability; checked like everything that strangers say."""


class Withheld(NamedTuple):
    """There is no result for this question alone; the others of the call are not touched."""

    fault: FaultKind
    detail: str
    recorded: str = ""
    """As in `Unanswered`."""


class Priced(NamedTuple):
    """A result with what it cost beyond the decider's price for a question."""

    result: Any
    cost_micros: int
    is_cost_known: bool = True
    """Whether that is all; else the server does not say what it should be paid for."""


class Down(Raised):
    """The server is not there, or not as configured: asking for fewer questions would change nothing."""

    def __init__(self, detail: str, *, recorded: str = "", was_sent: bool = True) -> None:
        super().__init__(detail, recorded=recorded)
        self.was_sent = was_sent
        """Something may have reached it; else nothing can have cost anything."""


class Declined(Unanswered):
    """The server will not take this request; one of its questions is to blame, and not the server."""


class OutOfQuota(Unanswered):
    """The server has had too many requests, or nobody has paid for more."""

    def __init__(self, detail: str, seconds: float, *, recorded: str = "") -> None:
        super().__init__(detail, recorded=recorded)
        self.seconds = seconds
        """How long it wants to be left alone."""
