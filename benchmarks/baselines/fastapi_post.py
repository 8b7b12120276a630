"""The yardstick: a FastAPI application that reads the same body and does nothing with it.

    python benchmarks/baselines/fastapi_post.py PORT

The body is a pydantic model, as the framework's users write it. Server, event loop, parser and worker count
are those of the system under test; nothing of it is imported.
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Stake(BaseModel):
    amount: str
    currency: str


class Event(BaseModel):
    id: str
    at: str
    facing: str
    delta_g: float
    sigma_g: float


class Evidence(BaseModel):
    item: str
    shelf: str
    event: Event


class Question(BaseModel):
    type: str
    subject: dict[str, str]
    stake: Stake
    evidence: Evidence
    candidates: list[str]


class Accepted(BaseModel):
    id: str
    status: str


@app.post("/empty", status_code=202)
async def empty(question: Question) -> Accepted:
    return Accepted(id=question.evidence.item, status="open")


if __name__ == "__main__":
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
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
