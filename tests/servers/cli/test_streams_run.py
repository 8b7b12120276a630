"""`adjudge streams run` as a process."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from tests.children import child

APP = """
import asyncio, os, time
from adjudge.streams import App

app = App(os.environ["BROKER"], timeout_seconds=0.5)

@app.handler(concurrency=4)
async def mail(text: str) -> int:
    if text == "slow":
        await asyncio.sleep(60)
    if text == "block":
        time.sleep(60)
    return os.getpid()

@app.handler()
async def other(number: int) -> None: ...
"""


@pytest.fixture
def running(tmp_path, redis_url):
    (tmp_path / "shop_run.py").write_text(APP)

    @asynccontextmanager
    async def running(*words, where="shop_run:app", broker=redis_url):
        worker = child(
            *(sys.executable, "-m", "adjudge", "streams", "run", where, *words),
            cwd=tmp_path,
            env=os.environ | {"BROKER": broker},
            stderr=asyncio.subprocess.PIPE,
        )
        async with worker as process, asyncio.timeout(60):
            yield process

    return running


async def said(process, text: str) -> str:
    while line := (await process.stderr.readline()).decode():
        if text in line:
            return line
    raise AssertionError(f"never said {text!r}")


@pytest.fixture
async def mail(redis_url):
    from adjudge.streams import App

    async with App(redis_url) as app:

        @app.handler()
        async def mail(text: str) -> int: ...

        yield mail


async def test_it_handles_and_stops_in_good_order(running, mail):
    async with running("--only", "mail") as process:
        await said(process, "running mail")
        assert await mail.ask("quick", timeout_seconds=20) == process.pid
        process.send_signal(signal.SIGTERM)

        assert await process.wait() == 0


async def test_what_does_not_end_within_the_drain_time_is_handed_back(running, mail):
    async with running("--drain", "0.2") as process:
        await said(process, "running mail, other")
        await mail.publish("slow")
        await mail.ask("quick", timeout_seconds=20)
        process.send_signal(signal.SIGINT)

        await said(process, "handed_back")
        assert await process.wait() == 0
    assert (await mail._host.streams.depth("mail", ["standard"])).lanes["standard"].length == 1


async def test_a_wedged_process_fails_its_probe_and_says_why(running, mail):
    async with running("--health-port", "0", "--stall", "0.5") as process:
        line = await said(process, "probes on")
        host, port = line.split("http://")[1].split("/")[0].split(":")
        assert (await get(host, int(port), "/livez")).startswith(b"HTTP/1.1 200")
        await mail.ask("quick", timeout_seconds=20)
        figures = await get(host, int(port), "/metrics")
        assert b"text/plain; version=0.0.4" in figures
        assert b"adjudge_streams_" in figures
        await mail.publish("slow")
        while not (answer := await get(host, int(port), "/livez")).startswith(b"HTTP/1.1 503"):
            await asyncio.sleep(0.1)

    assert b"mail" in answer


async def get(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_broker_that_is_away_is_waited_for_and_said(running):
    async with running(broker="redis://user:secret@127.0.0.1:1") as process:
        line = await said(process, "does not answer yet")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    assert "127.0.0.1:1" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("words", "where", "broker", "line"),
    [
        ((), "shop_nowhere:app", "redis://x", "there is no module"),
        (("--only", "nobody"), "shop_run:app", "redis://x", "no handler of shop_run:app is named nobody"),
        ((), "shop_run:app", "http://x", "address of the broker is wrong"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_with_status_1(running, words, where, broker, line):
    async with running(*words, where=where, broker=broker) as process:
        lines = (await process.stderr.read()).decode().splitlines()
        assert await process.wait() == 1

    assert len(lines) == 1
    assert line in lines[0]


async def test_several_processes_share_the_work_and_the_dead_are_replaced(running, mail):
    async with running("--processes", "2") as process:
        for _ in range(2):
            await said(process, "running")
        pid = await mail.ask("quick", timeout_seconds=20)
        assert pid != process.pid
        await asyncio.sleep(1.0)  # one that dies within its first second is not started again
        os.kill(pid, signal.SIGKILL)
        await said(process, "starting another")
        await said(process, "running")
        process.send_signal(signal.SIGTERM)

        assert await process.wait() == 0


async def test_workers_drain_and_end_when_their_supervisor_is_killed(running, mail):
    async with running("--processes", "2") as process:
        for _ in range(2):
            await said(process, "running")
        process.kill()
        for _ in range(2):
            await said(process, "stopped; nothing is left in hand")
