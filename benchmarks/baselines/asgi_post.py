"""The ceiling: a bare ASGI callable that decodes the same body with msgspec.

    python benchmarks/baselines/asgi_post.py PORT

What the server alone can do, and so the proof that the load generator can do more than is measured with it.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import uvicorn

Message = MutableMapping[str, Any]


class Question(msgspec.Struct):
    type: str
    subject: dict[str, str]
    stake: dict[str, str]
    evidence: msgspec.Raw
    candidates: list[str]


decode = msgspec.json.Decoder(Question).decode
encode = msgspec.json.Encoder().encode


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = encode({"id": decode(body).type, "status": "open"})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        lifespan="off",
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        backlog=2048,
    )
    uvicorn.Server(config).run()
