"""Looking names up: whose name server is silent waits alone."""

import asyncio
import socket
import threading

import pytest

from adjudge.outbound import resolving
from adjudge.outbound.resolving import Names


class Servers:
    """Stand for the system's resolver: `dead.test` is not answered for until the end of the test."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.end = threading.Event()

    def __call__(self, host, port, **_):
        self.asked.append(host)
        if host.startswith("dead"):
            self.end.wait(30)
            raise OSError("no answer")
        return socket.getaddrinfo("127.0.0.1", port, family=socket.AF_INET, type=socket.SOCK_STREAM)


@pytest.fixture
def servers():
    servers = Servers()
    yield servers
    servers.end.set()


async def test_a_name_that_is_not_answered_for_holds_up_no_other(servers):
    """A webhook's dead name had every thread of the keeper, and all other receivers waited behind it."""
    names = Names(servers)
    dead = [asyncio.create_task(names.resolve(f"dead{n % 40}.test")) for n in range(200)]
    await asyncio.sleep(0)  # all of them ask first

    async with asyncio.timeout(10):
        found = await names.resolve("good.test", 80)

    assert [(each["host"], each["port"]) for each in found] == [("127.0.0.1", 80)]
    assert sorted(servers.asked) == sorted({*servers.asked})
    servers.end.set()
    assert all(isinstance(each, OSError) for each in await asyncio.gather(*dead, return_exceptions=True))


async def test_who_gives_up_does_not_take_the_answer_from_others(servers):
    names = Names(servers)
    impatient, patient = (asyncio.create_task(names.resolve("dead.test")) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    servers.end.set()

    with pytest.raises(OSError, match="no answer"):
        await patient


async def test_a_name_is_looked_up_anew_once_it_was_answered_for(servers):
    """DNS rebinding is seen at each connection: nothing is kept."""
    names = Names(servers)

    for _ in range(3):
        await names.resolve("good.test", 80)

    assert servers.asked == ["good.test"] * 3


async def test_silent_name_servers_take_no_more_threads_than_allowed(servers, monkeypatch):
    monkeypatch.setattr(resolving, "AT_ONCE", 3)
    names, before = Names(servers), {*threading.enumerate()}
    tasks = [asyncio.create_task(names.resolve(f"dead{n}.test")) for n in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)  # all of them that may begin

    threads = {*threading.enumerate()} - before
    assert len(threads) == 3
    assert all(thread.daemon for thread in threads)  # else the process could not end
    servers.end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_process_has_a_bound_however_many_clients_it_opens(servers, monkeypatch):
    """The API opens one for each webhook that is tried."""
    monkeypatch.setattr(resolving, "_THREADS", threading.BoundedSemaphore(2))
    tasks = [asyncio.create_task(Names(servers).resolve("dead.test")) for _ in range(3)]
    done, _ = await asyncio.wait(tasks, timeout=10, return_when=asyncio.FIRST_COMPLETED)

    [refused] = done
    with pytest.raises(OSError, match="too many names"):
        refused.result()
    servers.end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await Names(servers).resolve("good.test")


@pytest.mark.parametrize("host", ["a..test", f"{'a' * 64}.test", ".test"])
async def test_what_can_be_no_name_is_not_found(host):
    with pytest.raises(OSError, match="can be no name"):
        await Names().resolve(host)
