"""Opening a connection: TLS, password, name and database, in one round trip after the handshake."""

import asyncio
import socket

from adjudge.streams.connections.addresses import Address, Login
from adjudge.streams.connections.pipelining import Pipeline, packed
from adjudge.streams.connections.refusals import Refusal
from adjudge.streams.connections.script import Command


async def opened(login: Login, address: Address | None, client_name: str, until: float) -> Pipeline:
    """A connection whose server is ready; `address` None: where the login says.

    Whoever calls bounds the way there in time. Raises OSError, Refusal, `Unavailable`.
    """
    pipeline = await _connected(login, address)
    try:
        commands = greetings(login, client_name)
        for answer in await pipeline.ask(packed(commands), len(commands), until):
            if isinstance(answer, Refusal):
                raise answer
    except BaseException:
        pipeline.end("the server did not welcome us")
        raise
    return pipeline


def greetings(login: Login, client_name: str) -> list[Command]:
    """What is said first. The password is asked for here, so that a changed one is used without a restart."""
    user, word = login.credentials() if login.credentials else (login.user, login.word)
    commands: list[Command] = []
    if user or word:
        commands.append(("AUTH", user, word) if user else ("AUTH", word))
    commands.append(("CLIENT", "SETNAME", client_name))
    if login.database:
        commands.append(("SELECT", login.database))
    return commands


async def _connected(login: Login, address: Address | None) -> Pipeline:
    loop = asyncio.get_running_loop()
    if login.path:
        return (await loop.create_unix_connection(Pipeline, login.path))[1]
    host, port = address or login.address
    transport, pipeline = await loop.create_connection(Pipeline, host, port, ssl=login.tls)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return pipeline
