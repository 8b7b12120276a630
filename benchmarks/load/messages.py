"""Requests as bytes, made before the clock runs; only a number is written into each copy.

The number stands in the body and in the Idempotency-Key, so no two questions are the same.
"""

import base64
import json
from collections.abc import Mapping
from typing import Final

import msgspec

NUMBER: Final = "NUMBER-NUMBER"
"""Stands in a text where the number goes: as long as the number is."""
_DIGITS: Final = b"%%0%dd" % len(NUMBER)
TRACE: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Template(msgspec.Struct, frozen=True):
    """A request but for its numbers: each item of its body has one, written in `places` times."""

    text: str
    """Base64, so that a template travels as JSON."""
    items: int
    places: int

    def filled(self, first: int) -> bytes:
        """Return the request whose items are numbered from `first`."""
        numbers = range(first, first + self.items)
        return self.pattern % tuple(number for number in numbers for _ in range(self.places))

    @property
    def pattern(self) -> bytes:
        return base64.b64decode(self.text)


def question(question_type: str, *, key: bool = False) -> dict[str, object]:
    """Return a question like the demo's; with its key in the body, as bulk posts want it."""
    asked: dict[str, object] = {
        "type": question_type,
        "subject": {"visit": f"v-{NUMBER}"},
        "stake": {"amount": "2.49", "currency": "USD"},
        "evidence": {
            "item": f"images/{NUMBER}.jpg",
            "shelf": "fruit-3",
            "event": {
                "id": f"e-{NUMBER}",
                "at": "2026-03-07T18:21:07Z",
                "facing": "fruit-3-07",
                "delta_g": -181.4,
                "sigma_g": 2.5,
            },
        },
        "candidates": ["orange", "satsuma", "lemon", "lime"],
    }
    return {**asked, "idempotency_key": f"k-{NUMBER}"} if key else asked


def single(
    question_type: str, *, path: str, host: str, key: str, wait_seconds: int = 0, trace: str | None = TRACE
) -> Template:
    """Return a post of one question, with all headers that a careful caller sends; `trace`: its own, if it has one."""
    headers = {"Idempotency-Key": f"k-{NUMBER}"}
    if trace is not None:
        headers["traceparent"] = trace
    if wait_seconds:
        headers["Prefer"] = f"wait={wait_seconds}"
    return _template(path, host, key, _json(question(question_type)), 1, headers)


def bulk(question_type: str, items: int, *, path: str, host: str, key: str) -> Template:
    """Return a post of many questions, each with its idempotency key."""
    body = _json({"items": [question(question_type, key=True)] * items})
    return _template(path, host, key, body, items, {"traceparent": TRACE})


def _template(path: str, host: str, key: str, body: str, items: int, headers: Mapping[str, str]) -> Template:
    lines = {
        "Host": host,
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    text = f"POST {path} HTTP/1.1\r\n{head}\r\n{body}"
    pattern = text.encode().replace(b"%", b"%%").replace(NUMBER.encode(), _DIGITS)
    return Template(base64.b64encode(pattern).decode(), items, text.count(NUMBER) // items)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
