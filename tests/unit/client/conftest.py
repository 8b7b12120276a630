"""A server that says what it is told to, and records what it was asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from adjudge.client import Adjudge, AsyncAdjudge, Patience

URL = "http://adjudge.test"

Says = httpx.Response | httpx.TransportError


@dataclass
class Server:
    """Answers with each of `says` in turn, the last one for ever, on a clock that only it and sleeping move."""

    says: list[Says] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    time: float = 0.0
    keys: int = 0

    def say(self, *answers: Says | dict[str, Any]) -> None:
        """Answer so from now on; a document is a 200."""
        self.says = [httpx.Response(200, json=one) if isinstance(one, dict) else one for one in answers]

    def refusal(self, status: int, kind: str, retry_after: str | None = None, **members: Any) -> httpx.Response:
        problem = {"type": f"https://adjudge.dev/problems/{kind}", "title": kind, "status": status, **members}
        headers = {"Content-Type": "application/problem+json"} | ({"Retry-After": retry_after} if retry_after else {})
        return httpx.Response(status, json=problem, headers=headers)

    def body(self) -> Any:
        """What was sent last."""
        return json.loads(self.asked[-1].content)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(answer, httpx.TransportError):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    async def sleep_awaited(self, seconds: float) -> None:
        self.sleep(seconds)

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def client(self, **settings: Any) -> Adjudge:
        return Adjudge(URL, "secret", sleep=self.sleep, **self._common(settings))

    def async_client(self, **settings: Any) -> AsyncAdjudge:
        return AsyncAdjudge(URL, "secret", sleep=self.sleep_awaited, **self._common(settings))

    def _common(self, settings: dict[str, Any]) -> dict[str, Any]:
        transport = httpx.MockTransport(self.handle)
        common: dict[str, Any] = {
            "transport": transport,
            "now": lambda: self.time,
            "chance": lambda: 1.0,
            "new_key": self.new_key,
        }
        return {"patience": Patience(), **common, **settings}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def adjudge(server: Server) -> Adjudge:
    return server.client()


Document = dict[str, Any]
Builder = Callable[..., Document]


@pytest.fixture
def a_decision() -> Builder:
    """Builds an open decision as the API writes it."""
    return lambda **changes: {
        "id": "01a2",
        "type": "claim.pay",
        "location": "default",
        "subject": {"claim": "c-1"},
        "status": "open",
        "revision": 1,
        "asked_at": "2026-12-01T18:21:07.104Z",
        "deadline": None,
        "waiting_for": {"pool": "agents", "votes": 0, "until": "2026-12-01T18:31:07Z"},
        "outcome": None,
        **changes,
    }


@pytest.fixture
def an_outcome() -> Builder:
    return lambda **changes: {
        "version": 1,
        "answer": "pay",
        "confidence": 0.99,
        "source": "model",
        "deciders": ["claim-risk@1"],
        "certificate": None,
        "reason": "claim-risk@1 is 0.99 sure, 0.95 is enough (set by hand, config/claims.yaml:10)",
        "settled_at": "2026-12-01T18:21:07.200Z",
        **changes,
    }


@pytest.fixture
def a_settled_decision(a_decision: Builder, an_outcome: Builder) -> Builder:
    return lambda **changes: a_decision(**{"status": "final", "waiting_for": None, "outcome": an_outcome(), **changes})


@pytest.fixture
def a_task() -> Builder:
    return lambda **changes: {
        "id": "t-1",
        "token": "tok",
        "pool": "agents",
        "type": "claim.pay",
        "title": None,
        "guidelines": None,
        "location": "default",
        "evidence": {"amount": "50.00", "text": "fell off the shelf"},
        "media": [],
        "answers": ["pay", "refuse"],
        "show": [],
        "stake": None,
        "due_at": "2026-12-01T18:31:07Z",
        "lease_until": "2026-12-01T18:23:07Z",
        "asked_at": "2026-12-01T18:21:07Z",
        **changes,
    }
