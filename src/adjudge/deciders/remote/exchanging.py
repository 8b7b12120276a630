"""One request to a model server, and what its response means: a document, or whose fault it is that there is none."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias

import msgspec

from adjudge.core.remote import Endpoint, Secret
from adjudge.deciders.explaining import clipped, shown
from adjudge.deciders.functions import Garbled, Raised
from adjudge.deciders.results import Declined, Down, OutOfQuota
from adjudge.outbound import RefusedUrl
from adjudge.outbound.client import Client, Reply, Unreachable

QUOTA_SECONDS: Final = 30.0
"""How long a server that names no time is left alone when it has had too many requests."""
SPENT_SECONDS: Final = 600.0
"""The same where credit is used up: somebody has to pay first."""
LONGEST_REST_SECONDS: Final = 3_600.0
MASK: Final = b"****"
SHORTEST_BLANKED: Final = 8
"""Characters of a secret; something shorter could be a word of an answer."""

SecretOf: TypeAlias = Callable[[Secret], str | None]
"""Gives the value of a secret; None: it is not set."""

_UNPROCESSABLE: Final = (400, 413, 422)
_NOT_OURS: Final = (401, 403, 404, 405, 502, 503, 504)
"""Whatever is asked, these stay: no access, a wrong address, no server behind the gateway."""
_TOO_MANY: Final = 429
_UNPAID: Final = 402


class Exchange:
    """Sends documents to one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        secret: SecretOf,
        *,
        seconds: float,
        now_unix: Callable[[], float],
        overhear: Callable[[bytes], None] | None = None,
    ) -> None:
        """`overhear` is told of the body of each reply, whatever it is."""
        self._endpoint = endpoint
        self._client = client
        self._secret = secret
        self._seconds = seconds
        self._now_unix = now_unix
        self._overhear = overhear

    async def post(self, document: Any, *, path: str = "") -> Any:
        """Send JSON and return the JSON that answers it. Raises Raised, Garbled, Declined, OutOfQuota, TimeoutError."""
        try:
            body = msgspec.json.encode(document)
        except (TypeError, ValueError, RecursionError) as error:
            told = "the question cannot be written as JSON"
            raise Raised(clipped(f"{told}: {error}"), recorded=told) from None
        return await self._exchange("POST", path, body)

    async def get(self, path: str) -> Any:
        """Return the JSON that stands there; raises as `post` does."""
        return await self._exchange("GET", path, b"")

    async def _exchange(self, method: str, path: str, body: bytes) -> Any:
        url = self._endpoint.url.rstrip("/") + path if path else self._endpoint.url
        try:
            headers = self._headers()
            reply = await self._client.send(method, url, headers=headers, body=body, seconds=self._seconds)
        except RefusedUrl as refused:
            raise Down(clipped(refused.detail), recorded=clipped(refused.detail), was_sent=False) from None
        except Unreachable as error:
            told = clipped(f"no answer from the server: {error}")
            raise Down(told, recorded=told) from None
        reply = reply._replace(body=self._without_secrets(reply.body, headers))
        if self._overhear is not None:
            self._overhear(reply.body)
        if not 200 <= reply.status < 300:
            raise self._fault(reply)
        if (coding := reply.headers.get("Content-Encoding", "identity")) != "identity":
            told = clipped(f"the server's answer is in {shown(coding)}, which was not asked for")
            raise Garbled(told, recorded=told)
        try:
            return msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            told = "the server's answer is not JSON"
            raise Garbled(clipped(f"{told}: {error}: {_shown(reply.body)}"), recorded=told) from None

    def _headers(self) -> Mapping[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        for name, value in self._endpoint.headers.items():
            headers[name] = value if isinstance(value, str) else value.before + self._known(value)
        return headers

    def _without_secrets(self, body: bytes, sent: Mapping[str, str]) -> bytes:
        """Blank what was sent as a secret: some servers' pages repeat a request's headers, and logs quote pages."""
        for name, value in self._endpoint.headers.items():
            if isinstance(value, Secret) and len(secret := sent[name].removeprefix(value.before)) >= SHORTEST_BLANKED:
                body = body.replace(secret.encode(), MASK)
        return body

    def _known(self, secret: Secret) -> str:
        value = (self._secret(secret) or "").strip()  # files of secrets often end with a line break
        if not value:
            told = f"the secret `{secret.name}` is not set: {secret.place}"
            raise Down(told, recorded=told, was_sent=False)
        if not (value.isascii() and value.isprintable()):
            told = f"the secret `{secret.name}` has characters that no header carries: {secret.place}"
            raise Down(told, recorded=told, was_sent=False)
        return value

    def _fault(self, reply: Reply) -> Exception:
        told = f"HTTP {reply.status}"
        said = clipped(f"{told}: {_shown(reply.body)}")
        if reply.status in (_TOO_MANY, _UNPAID):
            return OutOfQuota(said, self._rest_seconds(reply), recorded=told)
        if reply.status in _UNPROCESSABLE:
            return Declined(said, recorded=told)
        if 300 <= reply.status < 400:
            told = f"{told}: the server redirects; redirects are not followed"
            return Down(told, recorded=told)
        return (Down if reply.status in _NOT_OURS else Raised)(said, recorded=told)

    def _rest_seconds(self, reply: Reply) -> float:
        usual = SPENT_SECONDS if reply.status == _UNPAID or b"insufficient_quota" in reply.body else QUOTA_SECONDS
        wanted = self._retry_after(reply.headers.get("Retry-After", ""))
        return min(LONGEST_REST_SECONDS, usual if wanted is None else max(wanted, 1.0))

    def _retry_after(self, value: str) -> float | None:
        """Read seconds or a date."""
        if value.isascii() and value.isdecimal():
            return float(value[:9])
        try:
            return parsedate_to_datetime(value).timestamp() - self._now_unix()
        except ValueError:
            return None


def _shown(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace").strip() or "nothing"
