import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot as their_slot

from adjudge.streams.connections.addresses import Address, Login, target
from adjudge.streams.connections.cluster import key_of, key_slot, ranges_of, spread
from adjudge.streams.connections.greeting import greetings
from adjudge.streams.connections.refusals import Refusal, redirected_to

SOMEWHERE = Address("localhost", 6379)


def test_a_plain_url_is_one_server():
    found = target("redis://user:word@far:7000/3")

    assert (found.kind, found.hosts) == ("server", ())
    assert found.login == Login(Address("far", 7000), database=3, user="user", word="word")


def test_a_socket_has_a_path_and_may_have_a_database():
    assert target("unix:///run/a%20b.sock?db=2").login == Login(SOMEWHERE, path="/run/a b.sock", database=2)


def test_sentinels_have_a_service_and_their_own_password():
    found = target("redis+sentinel://user:word@a:1,b/orders/2?sentinel_password=theirs")

    assert (found.kind, found.service, found.hosts) == ("sentinel", "orders", (Address("a", 1), Address("b", 26379)))
    assert (found.login.database, found.login.user, found.login.word) == (2, "user", "word")
    assert (found.sentinel_login.database, found.sentinel_login.user, found.sentinel_login.word) == (0, "", "theirs")


def test_a_database_may_stand_in_the_query():
    assert target("redis+sentinel://a/orders?db=4").login.database == 4


def test_a_cluster_has_several_doors():
    found = target("redis+cluster://:word@a:1,[::1]:2,c")

    assert (found.kind, found.hosts) == ("cluster", (Address("a", 1), Address("::1", 2), Address("c", 6379)))
    assert found.login.word == "word"


@pytest.mark.parametrize("url", ["rediss+cluster://a:1", "rediss+sentinel://a:1/orders"])
def test_a_second_s_means_tls(url):
    context = target(url).login.tls

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_certificates_are_checked_unless_the_url_says_no():
    lax = target("rediss://a?ssl_cert_reqs=none").login.tls

    assert (lax.verify_mode, lax.check_hostname) == (ssl.CERT_NONE, False)
    assert not target("rediss://a?ssl_check_hostname=false").login.tls.check_hostname
    assert target("redis://a").login.tls is None


@pytest.mark.parametrize(
    "url",
    [
        *("redis+sentinel://a:1", "redis+cluster://a:1/3", "redis+ring://a:1", "redis+server://a:1", "unix+cluster:x"),
        *("http://a", "redis://a/three", "redis://a?sokcet_timeout=3"),
    ],
)
def test_what_cannot_be_meant_is_refused(url):
    with pytest.raises(ValueError, match=r"service|database|not a broker|has no"):
        target(url)


def test_credentials_of_a_provider_replace_those_of_the_url():
    words = iter(["first", "second"])
    login = target("redis://user:word@a", lambda: ("worker", next(words))).login

    assert [greetings(login, "n")[0] for _ in "12"] == [("AUTH", "worker", "first"), ("AUTH", "worker", "second")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://a", [("CLIENT", "SETNAME", "n")]),
        ("redis://:word@a/2", [("AUTH", "word"), ("CLIENT", "SETNAME", "n"), ("SELECT", 2)]),
        ("redis://user:w%40rd@a", [("AUTH", "user", "w@rd"), ("CLIENT", "SETNAME", "n")]),
    ],
)
def test_a_server_is_greeted_with_password_name_and_database(url, said):
    assert greetings(target(url).login, "n") == said


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ("MOVED 3999 10.0.0.1:6381", Address("10.0.0.1", 6381)),
        ("ASK 3999 ::1:6381", Address("::1", 6381)),
        ("MOVED 3999 :6381", Address("asked", 6381)),
    ],
)
def test_a_redirection_names_a_node(said, there):
    assert redirected_to(Refusal(said), Address("asked", 1)) == there


@given(st.binary(max_size=40) | st.from_regex(rb"[a-c{}]{0,12}", fullmatch=True))
def test_slots_are_those_of_another_client(key):
    assert key_slot(key) == their_slot(key)


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
