"""A question as the document from which pointers take what a model is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from adjudge.core.pointers import Pointer, found_at, show_pointer
from adjudge.deciders.functions import Unanswered
from adjudge.deciders.questions import Question
from adjudge.deciders.results import Withheld


class Lacking(Unanswered):
    """The question has nothing at a pointer, or not what the model takes."""


def document_of(question: Question) -> dict[str, Any]:
    stake = question.stake
    return {
        "id": question.id,
        "type": question.type,
        "location": question.location,
        "evidence": question.evidence,
        "candidates": question.candidates,
        "attributes": question.attributes,
        "stake": None
        if stake is None
        else {"amount": stake.decimal(), "amount_minor": stake.minor, "currency": stake.currency},
        "subject": question.subject,
    }


def taken(document: Mapping[str, Any], pointer: Pointer) -> Any:
    """Return what stands there. Raises Lacking."""
    try:
        return found_at(document, pointer)
    except LookupError:
        told = f"the question has no {show_pointer(pointer)}"
        raise Lacking(told, recorded=told) from None


def split(made: Sequence[Any | Lacking]) -> tuple[list[Any], list[Withheld | None]]:
    """Part what can be sent from what cannot: the first in order, and by question why it is not among them."""
    withheld = [
        Withheld("no-evidence", str(each), each.recorded) if isinstance(each, Lacking) else None for each in made
    ]
    return [each for each in made if not isinstance(each, Lacking)], withheld


def joined(results: Sequence[Any], withheld: Sequence[Withheld | None]) -> list[Any]:
    """Put the results of what was sent back into the order of the questions."""
    following = iter(results)
    return [next(following) if each is None else each for each in withheld]
