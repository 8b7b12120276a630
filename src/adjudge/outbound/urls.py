"""What a URL must look like before anything is sent there. Nothing is resolved here: see `client`."""

import socket
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from adjudge.core.errors import AdjudgeError
from adjudge.outbound.addresses import Permitted

LONGEST_URL: Final = 2_048
LONGEST_HOST: Final = 254
"""Characters, with a full stop at the end."""
LONGEST_LABEL: Final = 63
_SCHEMES: Final = ("http", "https")


class RefusedUrl(AdjudgeError):
    """Nothing is sent to this URL: it is malformed, or its address is private and not listed."""

    kind = "refused-url"


def check_url(url: str, permitted: Permitted, *, pointer: str = "#/url") -> None:
    """Refuse what can be told from the text alone: form and a numeric address. Raises RefusedUrl."""
    host = check_form(url, pointer=pointer)
    address = _address(host)
    if address is not None and not permitted.permits(address):
        raise RefusedUrl(not_permitted(host), pointer=pointer)
    if address is not None and not _is_written_out(host):
        raise RefusedUrl(f"{host} is short for an address, and is never connected to: write {address}", pointer=pointer)


def check_form(url: str, *, pointer: str = "#/url") -> str:
    """Return the host of a URL with scheme and host, and without credentials. Raises RefusedUrl."""
    parts = _split(url, pointer)
    if parts.scheme not in _SCHEMES:
        raise RefusedUrl(f"`{url}` does not begin with http:// or https://", pointer=pointer)
    if parts.username is not None or parts.password is not None:
        raise RefusedUrl(
            "a URL with a name or password in it is not used: it would be shown and logged", pointer=pointer
        )
    if parts.fragment:
        raise RefusedUrl(f"`#{parts.fragment}` is never sent: leave it out", pointer=pointer)
    if not parts.hostname:
        raise RefusedUrl(f"`{url}` names no host", pointer=pointer)
    if not _may_be_host(parts.hostname):
        raise RefusedUrl(f"`{parts.hostname}` can be no name of a host", pointer=pointer)
    return parts.hostname


def without_values(url: str) -> str:
    """Return a URL as it may be shown: what its query says may be a token, and which one it is suffices its owner."""
    address, mark, query = url.partition("?")
    names = (each[: each.find("=") + 1] for each in query.split("&"))  # of a bare value nothing
    return address + mark + "&".join(f"{name}…" for name in names) if query else url


def not_permitted(host: str) -> str:
    """Say why a host is not connected to, and what would permit it; never what a name resolves to: a caller may ask."""
    about = f"{host} is not a public address" if _address(host) is not None else f"{host} resolves to no public address"
    return f"{about}; ADJUDGE_OUTBOUND_ALLOW lists private networks that may be used"


def _split(url: str, pointer: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedUrl(
            f"a URL is at most {LONGEST_URL} ASCII characters without spaces or backslashes", pointer=pointer
        )
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError("nothing answers at port 0")
    except ValueError as error:
        raise RefusedUrl(f"`{url}` is not a URL: {error}", pointer=pointer) from None
    return parts


def _address(host: str) -> str | None:
    """Return the address that a host is a number for, as connecting takes it: `127.1` is 127.0.0.1. None: a name."""
    if _is_written_out(host):
        return str(ip_address(host.partition("%")[0]))
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _may_be_host(host: str) -> bool:
    """Return whether it can be looked up: a name of labels, none of them empty or too long; or an IPv6 address."""
    labels = host.removesuffix(".").split(".")
    return ":" in host or (len(host) <= LONGEST_HOST and all(0 < len(label) <= LONGEST_LABEL for label in labels))


def _is_written_out(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
