"""How a question is put: to a plain python function named in configuration, in a thread or a process of its own."""

from adjudge.deciders.decider import DeciderState
from adjudge.deciders.opening import Deciders, DeciderUnavailable, open_deciders
from adjudge.deciders.questions import Answered, Failed, Question

__all__ = ["Answered", "DeciderState", "DeciderUnavailable", "Deciders", "Failed", "Question", "open_deciders"]
