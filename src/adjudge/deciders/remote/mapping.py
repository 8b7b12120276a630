"""The kind `http`: JSON over HTTP, mapped field by field by JSON pointers."""

from collections.abc import Mapping, Sequence
from typing import Any

from adjudge.core.counting import counted
from adjudge.core.pointers import Pointer, found_at, put_at, show_pointer
from adjudge.core.remote import Constant, Distribution, HttpModel
from adjudge.deciders.explaining import clipped, shown
from adjudge.deciders.functions import Garbled
from adjudge.deciders.questions import Question
from adjudge.deciders.remote.documents import Lacking, document_of, joined, split, taken
from adjudge.deciders.remote.exchanging import Exchange
from adjudge.deciders.results import Claim, Withheld


class Mapped:
    """A model server with a JSON interface of its own."""

    def __init__(self, model: HttpModel, exchange: Exchange) -> None:
        self._model = model
        self._exchange = exchange

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Ask for all in one request. Raises Raised, Garbled, Declined, OutOfQuota."""
        bodies, withheld = split([self._body(document_of(question)) for question in questions])
        results = [self._result(answer) for answer in await self._answers(bodies)] if bodies else []
        return joined(results, withheld)

    async def _answers(self, bodies: Sequence[Any]) -> Sequence[Any]:
        many = self._model.many
        if many is None:
            assert len(bodies) == 1
            return [await self._exchange.post(bodies[0])]
        request: dict[str, Any] = {}
        if many.requests:
            put_at(request, many.requests, bodies)
        response = await self._exchange.post(request or bodies)
        answers = _found(response, many.responses)
        if not isinstance(answers, list) or len(answers) != len(bodies):
            told = f"not a list of {counted(len(bodies), 'answer')}"
            raise Garbled(f"{shown(answers)} is {told}", recorded=told)
        return answers

    def _body(self, document: Mapping[str, Any]) -> Mapping[str, Any] | Lacking:
        if not self._model.request:
            return document
        body: dict[str, Any] = {}
        for target, source in self._model.request.items():
            try:
                put_at(body, target, source.value if isinstance(source, Constant) else taken(document, source))
            except Lacking as lacking:
                return lacking
        return body

    def _result(self, answer: Any) -> Any:
        """Return what one question is answered; what cannot be read is garbage for this question alone."""
        try:
            return self._read(answer)
        except Garbled as garbled:
            return Withheld("garbage", str(garbled), garbled.recorded)

    def _read(self, answer: Any) -> Any:
        response = self._model.response
        if not isinstance(response, Distribution):
            said = _found(answer, response.answer)
            return None if said is None else Claim(said, _found(answer, response.confidence))
        distribution = _found(answer, response.at)
        if not response.labels or not isinstance(distribution, list):
            return distribution
        if len(distribution) != len(response.labels):
            told = f"{len(distribution)} numbers for {counted(len(response.labels), 'label')}"
            raise Garbled(told, recorded=told)
        return list(zip(response.labels, distribution, strict=True))


def _found(answer: Any, pointer: Pointer) -> Any:
    try:
        return found_at(answer, pointer)
    except LookupError:
        told = f"the answer has no {show_pointer(pointer)}"
        raise Garbled(clipped(f"{told}: {shown(answer)}"), recorded=clipped(told)) from None
