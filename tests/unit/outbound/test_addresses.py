import pytest

from adjudge.outbound import PUBLIC_ONLY, parse_permitted

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fc00::1",
    "fd12::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "no address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_not_permitted(address):
    assert not PUBLIC_ONLY.permits(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_are_permitted(address):
    assert PUBLIC_ONLY.permits(address)


def test_a_listed_network_is_permitted_however_its_addresses_are_written_and_no_other():
    permitted = parse_permitted("10.20.0.0/16, 127.0.0.1,fd00::/8")

    for address in ("10.20.3.4", "127.0.0.1", "::ffff:10.20.3.4", "fd12::1"):
        assert permitted.permits(address)
    for address in ("10.21.0.1", "127.0.0.2", "169.254.169.254"):
        assert not permitted.permits(address)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/40"])
def test_a_list_that_cannot_be_read_is_refused_with_the_word_in_question(text):
    with pytest.raises(ValueError, match=repr(text).strip("'")):
        parse_permitted(f"127.0.0.1, {text}")
