"""The kind `oip` against a stand-in that answers as the protocol says."""

import asyncio
import math
from typing import Any

import pytest
from tests.servers.deciders.model_server import asking_server, problem
from tests.unit.deciders.asking import PAY_OR_REFUSE, a_question

from adjudge.deciders import Answered, Question

MODEL = {
    "model": "risk",
    "version": 3,
    "inputs": [
        {"name": "features", "datatype": "FP32", "shape": [-1, 2], "from": ["/evidence/amount", "/evidence/age"]},
        {"name": "text", "datatype": "BYTES", "shape": [-1, 1], "from": "/evidence/text"},
    ],
    "output": {"name": "scores", "labels": ["pay", "refuse"]},
}
METADATA = {
    "name": "risk",
    "inputs": [
        {"name": "features", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "text", "datatype": "BYTES", "shape": [-1, 1]},
    ],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
}


def asked(amount: float = 10, age: Any = 40, text: Any = "ok") -> Question:
    evidence = {"amount": amount, "age": age, "text": text}
    return Question(id="q", type="claim.pay", location="l", space=PAY_OR_REFUSE, evidence=evidence)


class Server:
    """Scores by the first feature: above 50 it refuses."""

    def __init__(self, **changes: Any) -> None:
        self.metadata = METADATA
        self.output: dict[str, Any] = changes

    async def __call__(self, request: Any, body: Any) -> Any:
        if request.method == "GET":
            return self.metadata
        rows = body["inputs"][0]["data"][::2]
        scores = [[0.125, 0.875] if amount > 50 else [0.75, 0.25] for amount in rows]
        output = {"name": "scores", "datatype": "FP32", "shape": [len(rows), 2], "data": scores}
        return {"model_name": "risk", "outputs": [{"name": "other"}, {**output, **self.output}]}


def oip(server: Server, model: dict[str, Any] = MODEL, **section: Any):
    return asking_server(server, "oip", model, **section)


async def test_questions_share_a_request_whose_tensors_hold_a_row_for_each():
    async with oip(Server()) as (bench, server):
        found = await bench.ask(asked(10), asked(99, text="later"))

    assert [(each.answer, each.distribution) for each in found] == [
        ("pay", {"pay": 0.75, "refuse": 0.25}),
        ("refuse", {"pay": 0.125, "refuse": 0.875}),
    ]
    (look, _, _), (infer, _, body) = server.asked
    assert (look, infer) == ("/v2/models/risk/versions/3", "/v2/models/risk/versions/3/infer")
    assert body == {
        "inputs": [
            {"name": "features", "datatype": "FP32", "shape": [2, 2], "data": [10, 40, 99, 40]},
            {"name": "text", "datatype": "BYTES", "shape": [2, 1], "data": ["ok", "later"]},
        ],
        "outputs": [{"name": "scores"}],
    }


async def test_metadata_is_looked_at_once():
    async with oip(Server()) as (bench, server):
        for _ in range(3):
            await bench.ask(asked())

    assert [path.endswith("/infer") for path, _, _ in server.asked] == [False, True, True, True]


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({**METADATA, "inputs": METADATA["inputs"][:1]}, "it has no input `text`, but `features`"),
        (
            {**METADATA, "inputs": [{**METADATA["inputs"][0], "datatype": "FP64"}, METADATA["inputs"][1]]},
            "input `features` is 'FP64' there, FP32 here",
        ),
        (
            {**METADATA, "inputs": [{**METADATA["inputs"][0], "shape": [-1, 3]}, METADATA["inputs"][1]]},
            "input `features` is [-1, 3] there, [-1, 2] here",
        ),
        (
            {**METADATA, "inputs": [*METADATA["inputs"], {"name": "mask", "datatype": "BOOL", "shape": [1]}]},
            "nothing feeds its input `mask`",
        ),
        ({**METADATA, "outputs": []}, "it has no output `scores`, but names none in its metadata"),
        (
            {**METADATA, "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 9]}]},
            "output `scores` is [-1, 9] there, for 2 labels here",
        ),
        (
            {**METADATA, "outputs": [{"name": "scores", "datatype": "INT64", "shape": [-1, 2]}]},
            "output `scores` is 'INT64' there, not one of FP16, FP32, FP64, BF16",
        ),
        (
            {**METADATA, "inputs": [{**METADATA["inputs"][0], "shape": [1, 2]}, METADATA["inputs"][1]]},
            "input `features` is [1, 2] there, always as many rows; `batch` is 32 here",
        ),
        ({}, "it has no input `features`"),
        ([], "it has no input `features`"),
    ],
)
async def test_a_model_that_does_not_fit_its_configuration_is_never_asked(metadata, said):
    server_model = Server()
    server_model.metadata = metadata
    async with oip(server_model, breaker={"failures": 1}) as (bench, server):
        (found,) = await bench.ask(asked())

        assert found.fault == "error"
        assert f"the model does not fit its configuration: {said}" in found.detail
        assert bench.state.breaker == "open"
        assert not any(path.endswith("/infer") for path, _, _ in server.asked)

        server_model.metadata = METADATA
        bench.clock.seconds = 10
        assert isinstance((await bench.ask(asked()))[0], Answered)


async def test_a_model_of_one_row_is_asked_one_question_at_a_time():
    server_model = Server()
    server_model.metadata = {
        **METADATA,
        "inputs": [{**tensor, "shape": [1, tensor["shape"][1]]} for tensor in METADATA["inputs"]],
    }
    async with oip(server_model, batch=1) as (bench, _):
        (found,) = await bench.ask(asked())

    assert found.answer == "pay"


async def test_metadata_is_looked_at_again_after_a_failure():
    """The server that comes back may hold another model."""
    server_model = Server()
    async with oip(server_model, breaker={"failures": 100}) as (bench, server):
        await bench.ask(asked())
        answer, server.answer = server.answer, unwell
        await bench.ask(asked())
        server.answer, server_model.metadata = answer, {**METADATA, "outputs": []}

        (found,) = await bench.ask(asked())

    assert "does not fit" in found.detail


async def unwell(request, body):
    return problem(500)


async def test_a_model_without_metadata_is_asked_where_configuration_says_so():
    server_model = Server()
    server_model.metadata = {}
    async with oip(server_model, {**MODEL, "unchecked": True}) as (bench, server):
        assert await bench.faults(asked()) == [None]

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "question",
    [
        asked(age="forty"),
        asked(age=True),
        asked(age=None),
        asked(age=[1, 2]),
        asked(text=5),
        asked(text=["a", "b"]),
        a_question("50.00"),
    ],
)
async def test_evidence_that_does_not_fit_a_tensor_is_not_sent(question):
    async with oip(Server(), breaker={"failures": 1}) as (bench, server):
        found = await bench.faults(question, asked())

        assert (found, bench.state.breaker) == (["no-evidence", None], "closed")

    assert server.asked[-1][2]["inputs"][0]["shape"] == [1, 2]


async def test_a_server_that_comes_back_after_silence_is_looked_at_again():
    """Only after some time-outs in a row: one slow answer must not have all others wait for metadata."""
    model, hangs = Server(), asyncio.Event()

    async def server_model(request, body):
        if request.method == "POST" and hangs.is_set():
            await asyncio.sleep(5)
        return await model(request, body)

    async with oip(server_model, timeout="150ms", breaker={"failures": 100}) as (bench, server):
        await bench.ask(asked())
        for silent in (1, 2):
            hangs.set()
            assert [await bench.faults(asked()) for _ in range(silent)] == [["timeout"]] * silent
            hangs.clear()
            assert await bench.faults(asked()) == [None]
        assert sum(body is None for _, _, body in server.asked) == 1  # metadata

        hangs.set()
        assert [await bench.faults(asked()) for _ in range(3)] == [["timeout"]] * 3
        hangs.clear()
        model.metadata = {**METADATA, "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3]}]}
        assert await bench.faults(asked()) == ["error"]


@pytest.mark.parametrize(
    ("datatype", "good", "bad"),
    [
        ("BOOL", True, 1),
        ("UINT8", 255, 256),
        ("INT8", -128, -129),
        ("INT64", 2**63 - 1, 2**63),
        ("INT32", 5, 5.0),
        ("FP64", 0.5, "0.5"),
        ("FP16", 1, False),
        ("BYTES", "text", 1),
    ],
)
async def test_elements_are_of_their_datatype(datatype, good, bad):
    inputs = [{"name": "x", "datatype": datatype, "shape": [-1], "from": "/evidence/amount"}]

    async def answer(request, body):
        count = len(body["inputs"][0]["data"])
        return {"outputs": [{"name": "scores", "datatype": "FP32", "shape": [count, 2], "data": [0.5, 0.5] * count}]}

    async with asking_server(answer, "oip", {**MODEL, "inputs": inputs, "unchecked": True}) as (bench, server):
        assert await bench.faults(a_question(good), a_question(bad)) == [None, "no-evidence"]

    assert server.asked[0][2]["inputs"][0]["data"] == [good]


@pytest.mark.parametrize(
    ("shape", "value", "sent", "requests"),
    [
        ([-1, 2, 2], [[1, 2], [3, 4]], [2, 2, 2], 1),
        ([-1, -1], [1, 2, 3], [1, 3], 2),
        ([4], [1, 2, 3, 4], [4], 2),
        ([-1], 7, [2], 1),
    ],
)
async def test_the_first_length_that_is_open_is_the_batch(shape, value, sent, requests):
    """Where rows have a length of their own, or there is no dimension for several, a request has one question."""
    inputs = [{"name": "x", "datatype": "FP32", "shape": shape, "from": "/evidence/amount"}]

    async def answer(request, body):
        count = 2 if requests == 1 else 1
        return {"outputs": [{"name": "scores", "datatype": "FP64", "shape": [count, 2], "data": [[0.5, 0.5]] * count}]}

    async with asking_server(answer, "oip", {**MODEL, "inputs": inputs, "unchecked": True}) as (bench, server):
        assert await bench.faults(a_question(value), a_question(value)) == [None, None]

    assert [body["inputs"][0]["shape"] for _, _, body in server.asked] == [sent] * requests


async def test_logits_become_probabilities_where_configuration_says_that_they_are_logits():
    model = {**MODEL, "output": {**MODEL["output"], "scores": "logits"}}
    async with oip(Server(data=[1000.0, 998.0]), model) as (bench, _):
        (found,) = await bench.ask(asked())

    assert found.answer == "pay"
    assert math.isclose(found.distribution["pay"], 1 / (1 + math.exp(-2)))


@pytest.mark.parametrize(
    "output",
    [
        {"data": [0.5, 0.6]},
        {"data": [0.5]},
        {"data": [0.5, 0.5, 0.5, 0.5]},
        {"data": ["a", "b"]},
        {"data": [True, False]},
        {"data": None},
        {"datatype": "BYTES"},
        {"name": "another"},
        {"shape": [2, 1]},
        {"shape": [-1, 2]},
        {"shape": []},
        {"shape": None},
    ],
)
async def test_an_output_that_is_no_distribution_is_garbage(output):
    async with oip(Server(**output)) as (bench, _):
        assert await bench.faults(asked()) == ["garbage"]


async def test_columns_for_rows_are_garbage_and_no_question_gets_the_scores_of_another():
    """There are as many of them: four questions, of which the second and fourth are to be refused."""
    turned = {"shape": [2, 4], "data": [0.75, 0.125, 0.75, 0.125, 0.25, 0.875, 0.25, 0.875]}
    async with oip(Server(**turned), breaker={"failures": 100}) as (bench, _):
        assert set(await bench.faults(asked(), asked(90), asked(), asked(90))) == {"garbage"}


async def test_rows_may_stand_in_further_dimensions():
    async with oip(Server(shape=[2, 1, 2])) as (bench, _):
        assert [found.answer for found in await bench.ask(asked(), asked(90))] == ["pay", "refuse"]


@pytest.mark.parametrize(
    "response", [[], {}, {"outputs": None}, {"outputs": ["scores", None, 5]}, {"outputs": {"name": "scores"}}]
)
async def test_a_response_that_is_not_as_the_protocol_says_is_garbage(response):
    async def odd(request, body):
        return response

    async with asking_server(odd, "oip", {**MODEL, "unchecked": True}) as (bench, _):
        assert await bench.faults(asked()) == ["garbage"]
