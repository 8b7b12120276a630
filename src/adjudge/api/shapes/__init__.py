"""Responses as the OpenAPI document has them; here, what they share.

Responses are written straight from stored values, so nothing here runs when one is sent. Tests check every response
against its shape.
"""

from typing import Any

from pydantic import ConfigDict, Field

from adjudge.api.answers import Answer
from adjudge.api.problems import BASE, MEDIA_TYPE

PROBLEM: dict[str, Any] = {
    "type": f"{BASE}invalid-evidence",
    "title": "Evidence does not fit claim.pay",
    "status": 422,
    "detail": "evidence does not fit claim.pay",
    "errors": [{"pointer": "#/evidence/text", "detail": "is required"}],
}

PROBLEM_CONTENT: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
"""Of a response of the document, in place of a model: the media type is not that of other answers."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": what, "content": PROBLEM_CONTENT}
    for code, what in {
        400: "malformed JSON",
        401: "no valid key",
        403: "not with this key",
        404: "unknown",
        408: "the body did not arrive in time",
        409: "too late",
        413: "body too large",
        422: "does not fit",
        429: "too much, see Retry-After",
        503: "the database does not answer, see Retry-After",
    }.items()
}
"""That any request may meet."""


class Shape(Answer):
    """An answer: what it has is what is named here."""

    model_config = ConfigDict(extra="forbid")


class Fault(Shape):
    """One thing that is wrong, and where."""

    pointer: str = Field(description="a JSON pointer into the body; of a query or path, its name")
    detail: str
    document: str | None = Field(None, description="of configuration: the document that is at fault")
    line: int | None = None
    path: str | None = Field(None, description="of configuration: where in the document")
    nearest: str | None = Field(None, description="the nearest name that is known")


class ProblemDetails(Answer):
    """What is wrong (RFC 9457). Some kinds have members of their own, as `decision` or `limit`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [PROBLEM]})

    type: str = Field(description="the kind: see the table of problems")
    title: str
    status: int
    detail: str
    errors: list[Fault]


class Amount(Shape):
    """Money, exact."""

    amount: str = Field(examples=["2.49"])
    currency: str = Field(examples=["USD"])
