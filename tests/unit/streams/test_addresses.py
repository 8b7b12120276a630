import pytest
from redis.asyncio.connection import SSLConnection
from redis.crc import key_slot

from adjudge.streams.addresses import Address, target
from adjudge.streams.cluster import key_of, ranges_of, spread


def test_a_plain_url_is_one_server():
    found = target("redis://user:word@far:7000/3")

    assert (found.kind, found.hosts) == ("server", ())
    assert {"host": "far", "port": 7000, "db": 3, "username": "user", "password": "word"}.items() <= dict(
        found.login.options
    ).items()


def test_sentinels_have_a_service_and_their_own_password():
    found = target("redis+sentinel://user:word@a:1,b/orders/2?sentinel_password=theirs")

    assert (found.kind, found.service, found.hosts) == ("sentinel", "orders", (Address("a", 1), Address("b", 26379)))
    assert {"db": 2, "username": "user", "password": "word"}.items() <= dict(found.login.options).items()
    assert found.sentinel_login.options["password"] == "theirs"
    assert "username" not in found.sentinel_login.options
    assert "db" not in found.sentinel_login.options


def test_a_database_may_stand_in_the_query():
    assert target("redis+sentinel://a/orders?db=4").login.options["db"] == 4


def test_a_cluster_has_several_doors():
    found = target("redis+cluster://:word@a:1,[::1]:2,c")

    assert (found.kind, found.hosts) == ("cluster", (Address("a", 1), Address("::1", 2), Address("c", 6379)))
    assert found.login.options["password"] == "word"


@pytest.mark.parametrize("url", ["rediss+cluster://a:1", "rediss+sentinel://a:1/orders"])
def test_a_second_s_means_tls(url):
    assert issubclass(target(url).login.kind, SSLConnection)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://a:1", "redis+cluster://a:1/3", "redis+ring://a:1", "redis+server://a:1", "unix+cluster:x"]
)
def test_what_cannot_be_meant_is_refused(url):
    with pytest.raises(ValueError, match=r"service|database 0|not a broker"):
        target(url)


def test_credentials_of_a_provider_replace_those_of_the_url():
    words = iter(["first", "second"])
    provider = target("redis://user:word@a", lambda: ("worker", next(words))).login.options["credential_provider"]

    assert [provider.get_credentials(), provider.get_credentials()] == [("worker", "first"), ("worker", "second")]


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("EVALSHA", "sha", 2, "{n}:a", "{n}:b", "x"), "{n}:a"),
        (("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "{n}:a", ">"), "{n}:a"),
        (("XGROUP", "CREATE", "{n}:a", "g", "0"), "{n}:a"),
        (("XACK", "{n}:a", "g", "1-0"), "{n}:a"),
        (("PUBLISH", "channel", b""), "channel"),
        (("TIME",), None),
        (("COMMAND", "INFO", "XACKDEL"), None),
    ],
)
def test_a_command_goes_where_its_first_key_is(command, key):
    assert key_of(command) == key


def test_a_node_without_a_host_is_the_host_that_was_asked():
    answer = [[0, 99, [b"", 7000, b"id"], [b"replica", 7001, b"id"]], [100, 200, [b"b", 7002, b"id", []]]]

    assert ranges_of(answer, Address("asked", 1)) == [
        (0, 99, Address("asked", 7000)),
        (100, 200, Address("b", 7002)),
    ]


def test_a_spread_key_is_in_every_part_of_the_slots():
    assert [key_slot(key.encode()) // 1024 for key in spread("adjudge:epoch")] == list(range(16))
