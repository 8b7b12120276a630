"""The OpenAPI document says enough to generate a client from."""

import pytest
from tests.documented import document

DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
SCHEMAS = DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_has_a_shape(name):
    """Problems too."""
    bare = {
        status
        for status, answer in OPERATIONS[name]["responses"].items()
        if status != "204" and not all(kind.get("schema") for kind in answer.get("content", {"": {}}).values())
    }

    assert not bare


@pytest.mark.parametrize("name", [name for name, each in OPERATIONS.items() if "requestBody" in each])
def test_every_body_has_an_example(name):
    [schema] = [kind["schema"] for kind in OPERATIONS[name]["requestBody"]["content"].values()]
    named = [each["$ref"].rpartition("/")[2] for each in (schema, *schema.get("anyOf", ())) if "$ref" in each]

    assert [SCHEMAS[each]["examples"] for each in named]


@pytest.mark.parametrize("name", ["POST /v1/decisions", "GET /v1/decisions/{decision}", "POST /v1/reviews/claim"])
def test_whoever_may_wait_is_told_so(name):
    headers = {each["name"].lower() for each in OPERATIONS[name]["parameters"] if each["in"] == "header"}

    assert "prefer" in headers
