"""The kind `oip` against MLServer, a server of the protocol that is not ours, in an environment of its own.

The environment is made once, by pip, and kept in the user's cache: it takes a minute and 230 MB.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.servers.deciders.model_server import deciding
from tests.unit.deciders.asking import PAY_OR_REFUSE

from adjudge.deciders import Answered, Question

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

WANTED = "mlserver==1.7.1"
ENVIRONMENTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adjudge-tests"
RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Risk(MLModel):
    async def predict(self, payload):
        amounts = NumpyCodec.decode_input(payload.inputs[0])[:, 0]
        risk = 1 / (1 + np.exp(-(amounts - 50) / 10))
        scores = np.stack([1 - risk, risk], axis=1).astype("float32")
        outputs = [NumpyCodec.encode_output("scores", scores)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
"""
MODEL = {
    "name": "risk",
    "implementation": "runtime.Risk",
    "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
    "parameters": {"version": "3"},
}
INPUT = {"name": "features", "datatype": "FP32", "shape": [-1, 2], "from": ["/evidence/amount", "/evidence/age"]}
OURS = {"model": "risk", "version": 3, "inputs": [INPUT], "output": {"name": "scores", "labels": ["pay", "refuse"]}}


@pytest.fixture(scope="module")
async def mlserver() -> Path:
    """The folder of its programs."""
    folder = ENVIRONMENTS / f"{WANTED.replace('==', '-')}-{sys.implementation.cache_tag}"
    if not (folder / "complete").exists():
        await run(sys.executable, "-m", "venv", "--clear", str(folder))
        await run(str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", WANTED)
        (folder / "complete").touch()
    return folder / "bin"


@pytest.fixture(scope="module")
async def server(mlserver: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a running server with one model."""
    folder = tmp_path_factory.mktemp("models")
    ports = free_ports(3)
    settings = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "parallel_workers": 0, **settings}))
    (folder / "risk").mkdir()
    (folder / "risk/model-settings.json").write_text(json.dumps(MODEL))
    (folder / "risk/runtime.py").write_text(RUNTIME)
    process = await asyncio.create_subprocess_exec(str(mlserver / "mlserver"), "start", str(folder), cwd=folder)
    try:
        url = f"http://127.0.0.1:{ports[0]}"
        await until_ready(f"{url}/v2/models/risk/ready")
        yield url
    finally:
        process.terminate()
        async with asyncio.timeout(30):
            await process.wait()


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    async with asyncio.timeout(600):
        assert await process.wait() == 0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def until_ready(url: str) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def asked(amount: float) -> Question:
    evidence = {"amount": amount, "age": 40}
    return Question(id="q", type="claim.pay", location="l", space=PAY_OR_REFUSE, evidence=evidence)


async def test_its_model_is_checked_and_answers_many_questions_in_few_requests(server):
    async with deciding({"oip": {"url": server, **OURS}, "batch": 32}) as bench:
        found = await bench.ask(*(asked(amount) for amount in range(100)))

        assert all(isinstance(answer, Answered) for answer in found)
        assert [answer.answer for answer in found] == ["pay"] * 51 + ["refuse"] * 49
        assert bench.state.calls == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": [{**INPUT, "datatype": "FP64"}]}, "'FP32' there, FP64 here"),
        ({"output": {"name": "scores", "labels": ["pay"]}}, "for 1 labels here"),
        ({"model": "another", "version": 1}, "HTTP 404"),
    ],
)
async def test_what_does_not_fit_its_metadata_is_found_before_a_question_is_sent(server, changes, said):
    async with deciding({"oip": {"url": server, **OURS, **changes}}) as bench:
        (found,) = await bench.ask(asked(1))

    assert (found.fault, said in found.detail) == ("error", True)
