"""The hot path: `POST /v1/decisions` and its bulk form, before the router.

A plain ASGI callable: FastAPI's dependency and response machinery halves the rate of this one route
(docs/adr/0002). Its description in OpenAPI stands in `decisions.py`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
import structlog

from adjudge.api import asking, bodies, measuring, problems, questions
from adjudge.api.authentication import GIVEN_TWICE, require
from adjudge.api.bodies import Body, Receive
from adjudge.api.outage import Outage
from adjudge.api.problems import Problem
from adjudge.api.services import Services
from adjudge.api.views import DecisionView, encode
from adjudge.core.errors import AdjudgeError
from adjudge.engine.admission.admitting import Overloaded
from adjudge.engine.intake.pending import Pending
from adjudge.engine.intake.questions import Question
from adjudge.store.connecting import UNAVAILABLE
from adjudge.store.scope import Scope
from adjudge.telemetry import names

log = structlog.get_logger()

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LARGEST_BULK: Final = 16 * 1024 * 1024
CONFIGURATION: Final = "/v1/config/"
"""Bodies with all documents of a configuration are as large as a bulk post."""
BULK_AT_ONCE: Final = 400
"""Items of one bulk post that are on their way to the database together: two flushes."""
LONGEST_WAIT_SECONDS: Final = 30.0
LAST_WAIT_SECONDS: Final = 2.0
"""For who waits for an outcome when the process is told to end."""
HELD_BACK_SECONDS: Final = 0.5
"""How long the refusal of too much is held back: a client that repeats at once would make the others wait."""
MOST_HELD_BACK: Final = 2_000
OF_A_BODY: Final = frozenset({b"accept", b"prefer"})
"""Headers that say which body, and when."""
ONLY_ONCE: Final = (b"content-type", b"idempotency-key")
"""Headers of which the first and the last might not say the same."""
TOO_MUCH: Final = frozenset({"limit-reached", "overloaded"})


class HotPath:
    """Answers the posts of decisions; everything else goes on to the application, its body bounded."""

    def __init__(self, app: App, services: Callable[[], Services], outage: Outage) -> None:
        self._app = app
        self._open = services
        self._held_back = 0
        self._turnstile = asking.Turnstile()
        self._outage = outage

    @cached_property
    def services(self) -> Services:
        """What is open as long as the application runs."""
        return self._open()

    def stop(self, seconds: float) -> None:
        """Send those home who wait, within so many seconds: they come back elsewhere.

        Who follows the feed at once; who waits for an outcome or for work a little later, for it may be near.
        """
        services = self.services
        services.feed.close()
        asyncio.get_running_loop().call_later(min(seconds, LAST_WAIT_SECONDS), services.waiters.close)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "POST" and scope["path"] == "/v1/decisions":
            return await self._answered(self._single, scope, receive, send)
        if scope["method"] == "POST" and scope["path"] == "/v1/decisions/bulk":
            return await self._answered(self._bulk, scope, receive, send)
        if scope["method"] == "HEAD":
            scope = _as_get(scope)
        largest = LARGEST_BULK if scope.get("path", "").startswith(CONFIGURATION) else bodies.LARGEST
        return await self._routed(scope, Body(dict(scope["headers"]), receive, largest), send)

    async def _routed(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        began, status = time.monotonic(), 500

        async def seen(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            measuring.observe(measuring.route_of(scope), status, time.monotonic() - began)

    async def _answered(
        self,
        handle: Callable[[dict[bytes, bytes], Receive], Awaitable["Answer"]],
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        began = time.monotonic()
        try:
            _refuse_parameters(scope["query_string"])
            answer = await handle(_once(scope["headers"]), receive)
        except AdjudgeError as error:
            names.REFUSED.labels(error.kind).inc()
            answer = of_problem(error)
            if error.kind in TOO_MUCH:
                await self._hold_back()
        except UNAVAILABLE as error:
            self._outage.refused(scope["path"], error)
            answer = of_problem(Problem("unavailable", "the database does not answer"))
        except Exception as error:  # the last place: a fault of ours is a problem, too
            log.error("api.failed", path=scope["path"], exc_info=error)
            answer = of_problem(Problem("internal", "something went wrong here; it is in the log"))
        length = (b"content-length", b"%d" % len(answer[2]))
        await send({"type": "http.response.start", "status": answer[0], "headers": [*answer[1], length]})
        await send({"type": "http.response.body", "body": answer[2]})
        measuring.observe(scope["path"], answer[0], time.monotonic() - began)

    async def _single(self, headers: dict[bytes, bytes], receive: Receive) -> "Answer":
        services = self.services
        scope = await _client(services, headers)
        body = await _body(headers, receive, bodies.LARGEST)
        if scope.limits is not None:
            services.limiter.received(scope, len(body))
        wait, applied = waiting(headers.get(b"prefer"))
        question = questions.read(body, key=_key(headers), trace=questions.traced(headers.get(b"traceparent")))
        decision, replayed = await asking.ask(services, scope, question, wait_seconds=wait)
        return _accepted(decision, applied, replayed=replayed)

    async def _bulk(self, headers: dict[bytes, bytes], receive: Receive) -> "Answer":
        services = self.services
        scope = await _client(services, headers)
        if b"idempotency-key" in headers:
            raise Problem(
                "invalid-body", "give each item of a bulk post an `idempotency_key` of its own", pointer="#/items"
            )
        body = await _body(headers, receive, LARGEST_BULK)
        if scope.limits is not None:
            services.limiter.received(scope, len(body))
        items = questions.read_bulk(body)
        trace = questions.traced(headers.get(b"traceparent"))
        results: list[dict[str, object]] = []
        for start in range(0, len(items), BULK_AT_ONCE):
            page = items[start : start + BULK_AT_ONCE]
            asked = await asking.ask_all(services, scope, page, trace, self._turnstile)
            for each in zip(page, asked, strict=True):
                if len(results) % asking.STRIDE == 0:
                    await self._turnstile.passed()
                results.append(await _result(services, scope, *each))
            if any(isinstance(each, Overloaded) for each in asked):
                await self._hold_back()
        return 200, _JSON, encode({"items": results})

    async def _hold_back(self) -> None:
        if self._held_back < MOST_HELD_BACK:
            self._held_back += 1
            try:
                await asyncio.sleep(HELD_BACK_SECONDS)
            finally:
                self._held_back -= 1


Answer = tuple[int, Sequence[tuple[bytes, bytes]], bytes]

_JSON: Final = ((b"content-type", b"application/json"),)


def of_problem(error: AdjudgeError) -> "Answer":
    """Return a problem as raw ASGI."""
    headers = [(name.lower().encode(), value.encode()) for name, value in problems.headers(error).items()]
    kind = (b"content-type", problems.MEDIA_TYPE.encode())
    return problems.status(error), [kind, *headers], msgspec.json.encode(problems.body(error))


def waiting(header: bytes | None) -> tuple[float, bytes | None]:
    """Return (seconds to wait, what to answer as Preference-Applied) of a Prefer header (RFC 7240)."""
    for preference in (header or b"").split(b","):
        name, _, value = preference.partition(b";")[0].strip().partition(b"=")  # parameters are for others
        if name.strip().lower() == b"wait" and value.strip(b' "').isdigit():
            seconds = min(float(value.strip(b' "')), LONGEST_WAIT_SECONDS)
            return seconds, b"wait=%d" % seconds
    return 0.0, None


async def _result(
    services: Services, scope: Scope, item: msgspec.Raw, asked: Pending | AdjudgeError
) -> dict[str, object]:
    def alone() -> Question:
        return questions.read(item, key=None, trace=None)

    try:
        if isinstance(asked, AdjudgeError):
            raise asked
        decision, replayed = await asking.accepted(services, scope, asked, 0, alone)
    except AdjudgeError as error:
        names.REFUSED.labels(error.kind).inc()
        return _refused(error)
    except UNAVAILABLE:
        return _refused(Problem("unavailable", "the database does not answer"))
    found: dict[str, object] = {"status": 202 if decision.outcome is None else 200, "decision": decision}
    return {**found, "replayed": True} if replayed else found


def _refused(error: AdjudgeError) -> dict[str, object]:
    """Return the result of an item that was not taken; it has no headers of its own to say when to come back."""
    found: dict[str, object] = {"status": problems.status(error), "problem": problems.body(error)}
    later = problems.headers(error).get("Retry-After")
    return found if later is None else {**found, "retry_after": int(later)}


async def _client(services: Services, headers: Mapping[bytes, bytes]) -> Scope:
    """Return who asks. Raises Problem, LimitReached."""
    scope = require(await services.authentication.scope(headers.get(b"authorization")), "client")
    if scope.limits is not None:
        services.limiter.request(scope)
    return scope


async def _body(headers: Mapping[bytes, bytes], receive: Receive, largest: int) -> bytes:
    kind = headers.get(b"content-type", b"application/json")
    if not kind.lower().startswith(b"application/json"):
        raise Problem("unsupported-media-type", "send application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem("unsupported-media-type", "send the body uncompressed: it is read under no content-encoding")
    return await Body(headers, receive, largest).read()


def _refuse_parameters(query: bytes) -> None:
    """Refuse what somebody has put into the query, `wait` as a rule: it would be passed over. Raises Problem."""
    if query:
        name = query.partition(b"&")[0].partition(b"=")[0].decode("ascii", "replace")[:100]
        raise Problem("invalid-body", "is not a parameter here: it takes headers", pointer=f"#/{name} (query)")


def _once(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by name. Raises Problem where one that may not be repeated is."""
    found = dict(headers)
    if len(found) < len(headers):
        given = Counter(name for name, _ in headers)
        for name in ONLY_ONCE:
            if given[name] > 1:
                raise Problem("invalid-body", f"the header {name.decode()} is given more than once")
        if given[b"authorization"] > 1:
            raise Problem("unauthenticated", GIVEN_TWICE)
    return found


def _as_get(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a HEAD as the GET whose head it asks for (RFC 9110, 9.3.2); the web server sends no body.

    It does not wait, and opens no stream of events: nobody would see the end of it.
    """
    headers = [header for header in scope["headers"] if header[0] not in OF_A_BODY]
    return {**scope, "method": "GET", "headers": headers}


def _key(headers: dict[bytes, bytes]) -> str | None:
    header = headers.get(b"idempotency-key")
    if header is None:
        return None
    key = header.decode("latin-1").strip().strip('"')
    if not 0 < len(key) <= questions.LONGEST_TEXT:
        raise Problem("invalid-body", f"an Idempotency-Key has 1 to {questions.LONGEST_TEXT} characters")
    return key


def _accepted(decision: DecisionView, applied: bytes | None, *, replayed: bool) -> "Answer":
    headers = [*_JSON]
    if applied is not None:
        headers.append((b"preference-applied", applied))
    if replayed:
        headers.append((b"idempotency-replayed", b"true"))
    if decision.outcome is None:
        headers.append((b"location", b"/v1/decisions/%s" % str(decision.id).encode()))
    return 200 if decision.outcome is not None else 202, headers, encode(decision)
