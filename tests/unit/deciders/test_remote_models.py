"""Whatever a server says, remote models raise nothing but what a call understands."""

import asyncio
import math
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deciders.asking import PAY_OR_REFUSE, a_question, a_spec

from adjudge.core.remote import (
    ChatModel,
    Distribution,
    Endpoint,
    HttpModel,
    InputTensor,
    Many,
    OipModel,
    OutputTensor,
    Single,
)
from adjudge.deciders.functions import Garbled, Raised
from adjudge.deciders.remote import remote_model
from adjudge.deciders.results import Declined, OutOfQuota, Priced, Withheld
from adjudge.deciders.scores import Garbage, Reader
from adjudge.outbound.client import Reply

AT = Endpoint(url="https://models.test")
TENSOR = InputTensor(name="x", datatype="FP32", shape=(-1,), sources=(("evidence", "amount"),))
MODELS = [
    HttpModel(endpoint=AT, request={}, response=Single(answer=("choices",), confidence=("usage",))),
    HttpModel(
        endpoint=AT,
        request={},
        response=Distribution(at=("data",), labels=("pay", "refuse")),
        many=Many(requests=("in",), responses=("outputs",)),
    ),
    OipModel(
        endpoint=AT, model="m", inputs=(TENSOR,), output=OutputTensor(name="x", labels=("a", "b")), is_checked=False
    ),
    OipModel(endpoint=AT, model="m", inputs=(TENSOR,), output=OutputTensor(name="x", labels=("a", "b"))),
    ChatModel(endpoint=AT, model="m", input_micros=1),
]
WORDS = ["choices", "message", "content", "usage", "prompt_tokens", "outputs", "inputs", "data", "name", "x", "shape"]
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from([*WORDS, "FP32", "{", "[1]"])
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


class Says:
    """Stands for the network."""

    def __init__(self, status: int, body: bytes) -> None:
        self.reply = Reply(status, {}, body)

    async def send(self, *_: object, **__: object) -> Reply:
        return self.reply


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@given(document=documents | st.binary(max_size=20), status=st.sampled_from([200, 200, 200, 400, 404, 429, 500, 302]))
def test_no_answer_of_a_server_is_more_than_a_fault(model, document, status):
    body = document if isinstance(document, bytes) else msgspec.json.encode(finite(document))
    asked = remote_model(a_spec("", remote=model), Says(status, body), {}.get, lambda: 0.0)

    with suppress(Raised, Garbled, Declined, OutOfQuota):
        (result,) = asyncio.run(asked.ask_async([a_question(0.5)]))
        result = result.result if isinstance(result, Priced) else result
        if not isinstance(result, Withheld):
            with suppress(Garbage):
                Reader().read(PAY_OR_REFUSE, result)


def test_scores_that_no_double_holds_are_garbage_and_not_a_failure_of_ours():
    """A fault of theirs counts at the breaker; one of ours would lay the whole batch aside as dead letters."""
    body = f'{{"outputs": [{{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [{"9" * 400}, 0]}}]}}'.encode()
    (unchecked,) = (model for model in MODELS if isinstance(model, OipModel) and not model.is_checked)
    asked = remote_model(a_spec("", remote=unchecked), Says(200, body), {}.get, lambda: 0.0)

    with pytest.raises(Garbled, match="output `x`"):
        asyncio.run(asked.ask_async([a_question(0.5)]))


def finite(value):
    if isinstance(value, float) and not math.isfinite(value):
        return 1e308
    if isinstance(value, list):
        return [finite(each) for each in value]
    return {key: finite(each) for key, each in value.items()} if isinstance(value, dict) else value
