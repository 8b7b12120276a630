"""Carries out requested erasures, a window of decisions at a time, in whichever keeper is free."""

import structlog

from adjudge.store import erasures
from adjudge.store.connecting import Connection

log = structlog.get_logger()


async def work_off(connection: Connection) -> None:
    """Go on until no erasure is left that nobody is at. Each window is a transaction: killed, another goes on."""
    while True:
        async with connection.transaction():
            wanted = await erasures.next_open(connection)
            if wanted is None:
                return
            erased = await erasures.erase_window(connection, wanted)
        if erased is None:
            log.info("erasure.done", erasure=str(wanted.id))
