"""From the first release's schema on: deliveries that it could have written are made."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
from tests.stacks import database

from adjudge.store.migrations import upgrade
from adjudge.store.scope import SYSTEM
from adjudge.store.webhooks import deliveries, endpoints


async def test_a_delivery_of_the_first_release_is_claimed_after_the_upgrade(servers):
    async with database(servers.database_url, "template0", "webhooks_upgrade") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url, timeout=10)
        decision = uuid4()
        await connection.execute(
            "INSERT INTO delivery (endpoint, decision_id, version) VALUES ('wh_1', $1, 1)", decision
        )

        await upgrade(url)

        await endpoints.add(
            connection, SYSTEM, "wh_1", "https://example.com", locations=None, types=None, secret=bytes(32)
        )
        [claimed] = await deliveries.claim(connection, {"wh_1": 10}, timedelta(seconds=30))
        assert claimed.key == deliveries.Key("wh_1", decision, 1)
        assert (claimed.failures, claimed.row) == (0, None)
        await connection.close(timeout=10)
