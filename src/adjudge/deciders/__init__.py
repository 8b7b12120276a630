"""How a question is put: to a Python function in a thread or a process of its own, or to a model server."""

from adjudge.deciders.decider import DeciderState
from adjudge.deciders.opening import Deciders, DeciderUnavailable, Outbound, open_deciders
from adjudge.deciders.questions import Answered, Failed, Question

__all__ = [
    "Answered",
    "DeciderState",
    "DeciderUnavailable",
    "Deciders",
    "Failed",
    "Outbound",
    "Question",
    "open_deciders",
]
