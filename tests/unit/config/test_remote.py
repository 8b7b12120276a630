"""Deciders that are asked over the network, as configuration describes them."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from adjudge.config import compile_documents
from adjudge.config.documents.faults import InvalidConfiguration
from adjudge.core.remote import (
    ChatModel,
    Constant,
    Distribution,
    Endpoint,
    Hedge,
    HttpModel,
    InputTensor,
    Many,
    OipModel,
    OutputTensor,
    Secret,
)

REST = """
types: {claim.pay: {answers: [pay, refuse]}}
plans: {claims: {stages: [{ask: model@1, accept: {by_hand: "confidence > 0.9"}}], fallback: {answer: refuse}}}
routes: [{type: claim.pay, plan: claims}]
deciders:
  model@1:
"""
HTTP = {"url": "https://models.example.com", "response": {"distribution": "/p"}}
INPUT = {"name": "x", "datatype": "FP32", "shape": [-1, 2], "from": "/evidence/x"}
OIP = {"url": "http://triton:8000", "model": "m", "inputs": [INPUT], "output": {"name": "p", "labels": ["pay"]}}
CHAT = {"url": "https://models.example.com/v1", "model": "small"}


def compiled(**section):
    document = REST + f"    {json.dumps(section)}\n"
    return compile_documents({"claims.yaml": document}, base=Path("/nonexistent")).deciders["model@1"]


def faults(**section) -> list[str]:
    with pytest.raises(InvalidConfiguration) as refused:
        compiled(**section)
    return [str(fault) for fault in refused.value.faults]


def test_costs_are_in_the_organisations_currency_where_nothing_else_is_said():
    """Prices in it were refused for want of a `cost`, and a path summed up `0.003 EUR + 0.00 USD`."""
    model = json.dumps({"openai": {**CHAT, "prices": {"input": "1 EUR", "output": "2 EUR"}}})
    document = f"organisation: {{currency: EUR}}\npools: {{agents: {{}}}}\n{REST}    {model}\n"

    found = compile_documents({"claims.yaml": document}, base=Path("/nonexistent"))

    assert (found.deciders["model@1"].currency, found.pools["agents"].currency) == ("EUR", "EUR")


def test_prices_in_another_currency_need_no_cost_beside_them():
    """They needed none in USD: a revision in force that names prices in USD alone must go on being understood."""
    model = json.dumps({"openai": {**CHAT, "prices": {"input": "1 USD", "output": "2 USD"}}})
    document = f"organisation: {{currency: EUR}}\n{REST}    {model}\n"

    found = compile_documents({"claims.yaml": document}, base=Path("/nonexistent"), is_new=False)

    assert found.deciders["model@1"].currency == "USD"


def test_each_key_of_an_http_model_is_read():
    spec = compiled(
        http={
            "url": "https://models.example.com/score",
            "key": "vision",
            "headers": {"X-Team": "retail", "X-Api-Key": {"secret": "other-one"}},
            "request": {"/image": "/evidence/image", "/top": {"value": 5}},
            "response": {"distribution": "/scores", "labels": ["pay", "refuse"]},
            "many": {"requests": "/instances", "responses": "/predictions"},
        },
        linger="5ms",
        hedge="200ms",
    )

    assert spec.kind == "http"
    assert spec.remote == HttpModel(
        endpoint=Endpoint(
            url="https://models.example.com/score",
            headers={
                "X-Team": "retail",
                "X-Api-Key": Secret("other-one"),
                "Authorization": Secret("vision", "Bearer "),
            },
        ),
        request={("image",): ("evidence", "image"), ("top",): Constant(5)},
        response=Distribution(at=("scores",), labels=("pay", "refuse")),
        many=Many(requests=("instances",), responses=("predictions",)),
    )
    assert (spec.batch, spec.concurrency, spec.linger_ms, spec.hedge) == (32, 8, 5, Hedge(0.2, 0.1))
    assert Secret("other-one").variable == "ADJUDGE_SECRET_OTHER_ONE"


def test_each_key_of_an_oip_model_is_read():
    spec = compiled(oip={**OIP, "version": 3, "unchecked": True}, batch=64)

    assert spec.kind == "oip"
    assert spec.remote == OipModel(
        endpoint=Endpoint(url="http://triton:8000"),
        model="m",
        model_version="3",
        inputs=(InputTensor(name="x", datatype="FP32", shape=(-1, 2), sources=(("evidence", "x"),)),),
        output=OutputTensor(name="p", labels=("pay",)),
        is_checked=False,
    )
    assert spec.batch == 64


def test_each_key_of_a_chat_model_is_read():
    spec = compiled(
        openai={
            **CHAT,
            "instructions": "May it be paid?",
            "show": ["/evidence/text", "/candidates"],
            "images": "/evidence/photo",
            "settings": {"temperature": 0},
            "prices": {"input": "0.15 USD", "output": "0.60 USD"},
        },
        hedge={"after": "2s", "share": 0.05},
    )

    assert spec.kind == "openai"
    assert spec.remote == ChatModel(
        endpoint=Endpoint(url="https://models.example.com/v1"),
        model="small",
        instructions="May it be paid?",
        shown=(("evidence", "text"), ("candidates",)),
        images=(("evidence", "photo"),),
        settings={"temperature": 0},
        input_micros=150_000,
        output_micros=600_000,
    )
    assert (spec.hedge, spec.timeout, spec.batch) == (Hedge(2, 0.05), timedelta(seconds=10), 1)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "`python` is missing"),
        ({"http": HTTP, "openai": CHAT}, "a decider is of one kind, not `http` and `openai`"),
        ({"http": HTTP, "python": "a:b"}, "a decider is of one kind, not `python` and `http`"),
        ({"http": HTTP, "isolate": "process"}, "nothing reads `isolate` here"),
        ({"http": {"response": {"distribution": "/p"}}}, "`url` is missing"),
        ({"http": {**HTTP, "url": "ftp://a"}}, "does not begin with http:// or https://"),
        ({"http": {**HTTP, "url": "https://me:mine@models.example.com"}}, "a name or password in it"),
        ({"http": {**HTTP, "headers": {"Authorization": "Bearer abc"}}}, "no secret is written into configuration"),
        ({"http": {**HTTP, "headers": {"X-Api-Key": "abc"}}}, "no secret is written into configuration"),
        ({"http": {**HTTP, "headers": {"Host": "a"}}}, "`Host` is ours to set"),
        ({"http": {**HTTP, "headers": {"X Y": "a"}}}, "is not the name of a header"),
        ({"http": {**HTTP, "headers": {"X-A": "a\nb"}}}, "printable ASCII"),
        ({"http": {**HTTP, "key": "DATABASE_URL"}}, "the name of a secret has small letters"),
        ({"http": {**HTTP, "response": {}}}, "`distribution` is missing"),
        ({"http": {**HTTP, "response": {"answer": "/a"}}}, "`confidence` is missing"),
        ({"http": {**HTTP, "response": {"distribution": "p"}}}, "not a JSON pointer"),
        ({"http": {**HTTP, "request": {"/a~": "/evidence"}}}, "a tilde is written ~0"),
        ({"http": {**HTTP, "request": {"": "/evidence"}}}, "the request is a mapping"),
        ({"http": {**HTTP, "request": {}}}, "the request is empty"),
        ({"http": {**HTTP, "request": {"/a": "/evidence", "/a/b": "/id"}}}, "lies within another field"),
        ({"http": {**HTTP, "request": {"/a/b": "/id", "/a": "/evidence"}}}, "lies within another field"),
        ({"http": {**HTTP, "many": {"requests": "/a"}}}, "`responses` is missing"),
        ({"oip": {**OIP, "model": "../other"}}, "is not a name of letters"),
        ({"oip": {**OIP, "inputs": [{**INPUT, "datatype": "FLOAT"}]}}, "is not one of `BOOL`"),
        ({"oip": {**OIP, "inputs": [{**INPUT, "shape": [0]}]}}, "a shape is a list"),
        ({"oip": {**OIP, "inputs": [{**INPUT, "shape": [-1, -1, -1]}]}}, "one length may be left open"),
        ({"oip": {**OIP, "inputs": []}}, "`inputs` names no tensor"),
        ({"oip": {**OIP, "inputs": [INPUT, INPUT]}}, "input `x` stands twice"),
        ({"oip": {**OIP, "output": {"name": "p", "labels": ["a", "a"]}}}, "each answer stands in the list once"),
        ({"openai": {**CHAT, "settings": {"messages": []}}}, "`messages` is ours to set"),
        ({"openai": {**CHAT, "prices": {"input": "1 EUR"}}, "cost": "1 USD"}, "give both in one currency"),
        ({"http": HTTP, "hedge": "10s"}, "sent before the `timeout`"),
        ({"http": HTTP, "hedge": {"share": 0.5}}, "`after` is missing"),
        ({"http": HTTP, "hedge": {"after": "1s", "share": 2}}, "at most 1"),
        ({"http": HTTP, "linger": "2s"}, "wait at most 1 s"),
        ({"python": "a:b", "hedge": "1s"}, "nothing reads `hedge` here"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(section, said):
    found = faults(**section)

    assert any(said in fault for fault in found), found
    assert all(fault.startswith("claims.yaml:") for fault in found)


def test_python_deciders_may_wait_for_others_to_share_their_call():
    assert compiled(python="a:b", linger="5ms").linger_ms == 5


@pytest.mark.parametrize(
    "section",
    [
        {"oip": {**OIP, "output": {"name": "p", "labels": ["pay", "maybe"]}}},
        {"http": {**HTTP, "response": {"distribution": "/p", "labels": ["pay", "maybe"]}}},
    ],
)
def test_a_label_that_is_no_answer_of_the_type_is_a_fault_where_the_model_is_asked(section):
    assert faults(**section) == [
        "claims.yaml:3: plans.claims.stages[0].ask: `model@1` has the label `maybe`, which is no answer to claim.pay"
    ]


PAGE = (Path(__file__).parents[3] / "docs/how-to/plug-in-a-model.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_what_the_page_shows_is_valid(block):
    name = re.search(r"  (\S+@\d+):", block)[1]
    rest = REST.replace("model@1", name).replace(f"deciders:\n  {name}:\n", block)

    assert name in compile_documents({"claims.yaml": rest}, base=Path("/nonexistent")).deciders
