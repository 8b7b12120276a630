"""The kind `oip`: the Open Inference Protocol (KServe v2) over HTTP, its tensors written as JSON.

What configuration says of inputs and output is compared with the server's metadata before the first
question, and again after every failure, of time-outs after some in a row: the server that comes back may hold
another model.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from adjudge.core.remote import OipModel
from adjudge.deciders.explaining import clipped
from adjudge.deciders.functions import Garbled, Raised
from adjudge.deciders.questions import Question
from adjudge.deciders.remote.documents import Lacking, document_of, joined, split
from adjudge.deciders.remote.exchanging import Exchange
from adjudge.deciders.remote.metadata import mismatch
from adjudge.deciders.remote.tensors import Row, distributions, input_of
from adjudge.deciders.results import Declined, Down

SILENT: Final = 3
"""Requests in a row without an answer, after which it may be another server that answers next. One alone is slow."""


class Oip:
    """A model of a server that speaks the protocol."""

    def __init__(self, model: OipModel, exchange: Exchange, *, batch: int) -> None:
        """`batch`: questions in a request, at most."""
        self._model = model
        self._batch = batch
        self._exchange = exchange
        self._path = f"/v2/models/{model.model}" + (f"/versions/{model.model_version}" if model.model_version else "")
        self._fits = not model.is_checked
        self._checking = asyncio.Lock()
        self._unanswered = 0

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Ask for all in one request. Raises Raised, Garbled, Declined, OutOfQuota."""
        rows, withheld = split([self._rows(question) for question in questions])
        if not rows:
            return joined((), withheld)
        await self._check()
        try:
            response = await self._exchange.post(self._request(rows), path=f"{self._path}/infer")
            results = distributions(self._model.output, response, len(rows))
        except (Raised, Garbled):
            self._fits = not self._model.is_checked
            raise
        except (TimeoutError, asyncio.CancelledError):
            self._unanswered += 1
            if self._unanswered >= SILENT:
                self._fits = not self._model.is_checked
            raise
        self._unanswered = 0
        return joined(results, withheld)

    def _rows(self, question: Question) -> list[Row] | Lacking:
        document = document_of(question)
        try:
            return [Row(tensor, document) for tensor in self._model.inputs]
        except Lacking as lacking:
            return lacking

    def _request(self, rows: Sequence[Sequence[Row]]) -> dict[str, Any]:
        columns = zip(self._model.inputs, zip(*rows, strict=True), strict=True)
        return {
            "inputs": [input_of(tensor, column) for tensor, column in columns],
            "outputs": [{"name": self._model.output.name}],
        }

    async def _check(self) -> None:
        if not self._fits:
            async with self._checking:
                await self._check_once()

    async def _check_once(self) -> None:
        if self._fits:  # while we waited
            return
        try:
            metadata = await self._exchange.get(self._path)
        except (Raised, Declined) as error:
            told = f"no metadata: {error.recorded}"
            raise Down(clipped(f"no metadata: {error}"), recorded=told, was_sent=False) from None
        fault = mismatch(self._model, metadata, batch=self._batch)
        if fault:
            told = clipped(f"the model does not fit its configuration: {fault}")
            raise Down(told, recorded=told, was_sent=False)
        self._fits = True
