import pytest

from adjudge.outbound import PUBLIC_ONLY, RefusedUrl, check_url, parse_permitted


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.example.com/score",
        "ftp://models.example.com",
        "file:///etc/passwd",
        "http://",
        "http://name:password@models.example.com",
        "http://models.example.com/#part",
        "http://models.example.com:99999/",
        "http://models.example.com:0/",
        "http://models.example.com\\@10.0.0.1/",
        "http://models.example.com/a b",
        "http://models.example.com/\r\nX: 1",
        "http://[::1",
        "http://mödel.example.com/",
        "http://models..example.com/",
        "http://.example.com/",
        f"http://{'a' * 64}.example.com/",
        f"http://{'a.' * 130}com/",
        "https://models.example.com/" + "a" * 2_100,
        "http://127.0.0.1:8000/score",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
    ],
)
def test_a_url_is_refused_for_its_form_or_its_private_address(url):
    with pytest.raises(RefusedUrl) as refused:
        check_url(url, PUBLIC_ONLY, pointer="#/endpoint")

    assert refused.value.pointer == "#/endpoint"


def test_the_refusal_of_a_private_address_says_what_would_permit_it():
    with pytest.raises(RefusedUrl, match="ADJUDGE_OUTBOUND_ALLOW"):
        check_url("http://127.0.0.1/", PUBLIC_ONLY)

    check_url("http://127.0.0.1/", parse_permitted("127.0.0.0/8"))


@pytest.mark.parametrize("url", ["http://127.1/", "http://2130706433/", "http://0x7f.1/"])
def test_an_address_that_is_not_written_out_is_refused_where_it_is_permitted_too(url):
    """The HTTP client takes none: whoever was let in with one would never be told anything."""
    with pytest.raises(RefusedUrl, match=r"write 127\.0\.0\.1"):
        check_url(url, parse_permitted("127.0.0.0/8"))


@pytest.mark.parametrize(
    "url",
    ["https://models.example.com/a?b=c", "http://models:8000", "http://93.184.216.34/", "http://models.example.com./"],
)
def test_what_may_be_sent_to_passes(url):
    check_url(url, PUBLIC_ONLY)
