"""The FastAPI application of one API process."""

import functools
import re
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from adjudge import __version__
from adjudge.api import hot, pages, problems, unstorable
from adjudge.api.authentication import admit
from adjudge.api.outage import Outage
from adjudge.api.problems import Problem
from adjudge.api.routes import (
    administration,
    automation,
    configuration,
    deciders,
    decisions,
    drafts,
    erasures,
    journal,
    keys,
    operations,
    outcomes,
    overview,
    reviews,
    switches,
    webhooks,
)
from adjudge.api.services import Services
from adjudge.api.shapes import ProblemDetails
from adjudge.core.errors import AdjudgeError
from adjudge.store.connecting import UNAVAILABLE, UNSTORABLE

log = structlog.get_logger()

DESCRIPTION = """
A configurable proxy between AI models and human reviewers. Ask a question; a model, a person or a
fallback decides, and the answer has the same shape.
"""
KINDS = {
    400: "malformed-json",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
}
_SENTENCE_END: Final = re.compile(r"\.(?:\s|$)")
_OURS: Final = "Value error, "
"""What pydantic puts before words of ours."""
_SAID: Final = {"extra_forbidden": "is no field of this object", "missing": "is required"}
"""What questions are told, too, which are read without it: by its kind of fault."""

ROUTED = (
    decisions,
    outcomes,
    reviews,
    administration,
    deciders,
    operations,
    overview,
    erasures,
    webhooks,
    keys,
    journal,
    automation,
    configuration,
    drafts,
    switches,
    pages,
)
TAGS = (
    "decisions",
    "outcomes",
    "webhooks",
    "reviews",
    "administration",
    "deciders",
    "automation",
    "configuration",
    "controls",
    "operations",
)
"""The document's sections, in its order."""


def create_app(services: Callable[[], AbstractAsyncContextManager[Services]]) -> hot.HotPath:
    """Return the ASGI application; `services` are opened when it starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with services() as opened:
            app.state.services = opened
            yield

    app = FastAPI(
        title="Adjudge",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_tags=[{"name": tag} for tag in TAGS],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for module in ROUTED:
        app.include_router(module.router)
    webhooks.describe(app)
    _describe(app)
    outage = Outage()
    _answer_errors(app, outage)
    return hot.HotPath(app, lambda: app.state.services, outage)


def _answer_errors(app: FastAPI, outage: Outage) -> None:
    """Have every error answered by a problem."""
    app.add_exception_handler(AdjudgeError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(UNSTORABLE, _unstorable)
    app.add_exception_handler(UnicodeEncodeError, _unstorable)
    for error in UNAVAILABLE:
        app.add_exception_handler(error, functools.partial(_unavailable, outage))
    app.add_exception_handler(Exception, _unexpected)


def _describe(app: FastAPI) -> None:
    """Add to the document what no route says: how to authenticate, what a problem looks like, a line for each call."""
    original = app.openapi

    def openapi() -> dict[str, object]:
        with warnings.catch_warnings():  # of aliases that FastAPI itself gives, and does not want to hear of either
            warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
            document = original()
        problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        described = {**problem.pop("$defs"), "ProblemDetails": problem}
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        components.setdefault("schemas", {}).update(described)
        document["security"] = [{"key": []}]
        for calls in document["paths"].values():
            for call in calls.values():
                call["summary"] = _SENTENCE_END.split(call["description"], maxsplit=1)[0]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, AdjudgeError)
    return problems.response(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        return await _malformed(request)
    faults = [
        (_pointer(fault["loc"]), _SAID.get(fault["type"]) or str(fault["msg"]).removeprefix(_OURS))
        for fault in error.errors()[:20]
    ]
    return problems.response(Problem("invalid-body", "the request does not fit", faults=faults))


async def _malformed(request: Request) -> Response:
    """The framework reads a body before it asks who sent it; who may not send one is told that instead."""
    try:
        await admit(request)
    except AdjudgeError as refused:
        return problems.response(refused)
    return problems.response(Problem("malformed-json", "the body is not JSON"))


async def _http(request: Request, error: Exception) -> Response:
    """Tell what the framework refuses; where it wraps a problem of ours, as of the body, tell that."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, AdjudgeError):
        return problems.response(error.__cause__)
    answer = problems.response(Problem(KINDS.get(error.status_code, "not-found"), str(error.detail)))
    answer.status_code = error.status_code
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _methods(request: Request) -> set[str]:
    """Return the methods of all routes of this path: each route names its own alone. What has GET has HEAD."""
    found = {
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        for route in request.app.router.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return found | {"HEAD"} if "GET" in found else found


async def _unavailable(outage: Outage, request: Request, error: Exception) -> Response:
    outage.refused(request.url.path, error)
    return problems.response(Problem("unavailable", "the database does not answer"))


async def _unstorable(request: Request, error: Exception) -> Response:
    """A NUL in a text, half a surrogate pair, a number out of range: what cannot be stored is refused, wherever."""
    log.warning("api.unstorable", path=request.url.path, error=repr(error))
    detail = "holds what cannot be stored: a NUL character, half of a surrogate pair, or a number or time out of range"
    return problems.response(Problem("unstorable", detail, pointer=await unstorable.place(request)))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("api.failed", path=request.url.path, exc_info=error)
    return problems.response(Problem("internal", "something went wrong here; it is in the log"))


def _pointer(place: tuple[object, ...]) -> str:
    """Return the JSON pointer of a body field; of a query field, its name."""
    where, *steps = place or ("body",)
    path = "".join(f"/{step}" for step in steps)
    return f"#{path}" if where == "body" else f"#{path} ({where})"
