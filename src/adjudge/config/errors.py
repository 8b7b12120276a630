"""Errors for names that the configuration does not have."""

from collections.abc import Iterable

from adjudge.config.documents.faults import nearest
from adjudge.core.errors import AdjudgeError


def _absent(what: str, name: str, valid: Iterable[str]) -> str:
    meant = nearest(name, valid)
    return f"there is no {what} `{name[:100]}`" + (f"; did you mean `{meant}`?" if meant else "")


class UnknownLocation(AdjudgeError):
    """The configuration has no such location."""

    kind = "unknown-location"

    def __init__(self, name: str, valid: Iterable[str]) -> None:
        super().__init__(_absent("location", name, valid), pointer="#/location")


class UnknownType(AdjudgeError):
    """The location knows no such question type."""

    kind = "unknown-type"

    def __init__(self, name: str, valid: Iterable[str]) -> None:
        super().__init__(_absent("question type", name, valid), pointer="#/type")


class UnknownPool(AdjudgeError):
    """The configuration has no such pool."""

    kind = "unknown-pool"

    def __init__(self, name: str, valid: Iterable[str]) -> None:
        super().__init__(_absent("pool", name, valid), pointer="#/pool")


class NoPlan(AdjudgeError):
    """No route leads the question type to a plan at this location."""

    kind = "no-plan"

    def __init__(self, question_type: str, location: str) -> None:
        super().__init__(f"no route gives `{question_type}` a plan at `{location}`", pointer="#/type")
