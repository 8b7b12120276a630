"""Opens the broker that REDIS_URL names."""

import random

from adjudge.cli.refusing import Refused
from adjudge.streams import Streams


def broker(url: str, rng: random.Random) -> Streams:
    """Return the broker at an address, not connected to yet. Raises Refused where it is no address of one."""
    try:
        return Streams(url, rng=rng)
    except ValueError as error:
        raise Refused(f"REDIS_URL is not the address of a Redis or Valkey: {error}") from error
