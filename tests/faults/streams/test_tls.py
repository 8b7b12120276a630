"""TLS to the broker, with a certificate of our own: over a relay, because the embedded server speaks none."""

import random
import ssl
from pathlib import Path

import pytest
from tests.faults.streams.load import NAME
from tests.faults.streams.relay import relayed

from adjudge.streams import Entry, Streams, Unavailable

CERTIFICATE = Path(__file__).parent / "certificates" / "localhost.pem"


@pytest.fixture
async def line(broker):
    """A way to the broker that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with relayed(broker.url, context) as line:
        yield line


async def test_a_worker_whose_certificate_is_known_works_and_leaves_a_half_open_line(line, broker, working, inbox):
    async with working(f"{line.url}?ssl_ca_certs={CERTIFICATE}", timeout_seconds=0.5):
        await broker.publish(b"before")
        await inbox.until(1)
        line.freeze()
        line.thaw()
        await broker.publish(b"after")
        await inbox.until(2)


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "CERTIFICATE_VERIFY_FAILED"), ("?ssl_cert_reqs=none", ""), (f"?ssl_ca_certs={CERTIFICATE}", "")],
)
async def test_only_a_certificate_that_is_trusted_is_spoken_to(line, query, said):
    async with Streams(line.url + query, rng=random.Random(1)) as streams:
        [answer] = await streams.publish([Entry(NAME, "standard", b"", 10)])

    assert isinstance(answer, Unavailable if said else str)
    assert said in str(answer)


async def test_a_certificate_for_another_host_is_refused_unless_that_is_allowed(line):
    """`localhost` is named in it; 127.0.0.1 by another notation is not."""
    url = line.url.replace("127.0.0.1", "127.1") + f"?ssl_ca_certs={CERTIFICATE}"
    async with Streams(url, rng=random.Random(1)) as streams:
        assert not await streams.ping()
    async with Streams(f"{url}&ssl_check_hostname=false", rng=random.Random(1)) as streams:
        assert await streams.ping()
