"""Where the broker is: a URL, read.

    redis://h:p/db, rediss://..., unix://path?db=0           one server
    redis+sentinel://user:word@h:p,h:p/service/db            the master that Sentinels name
    redis+cluster://user:word@h:p,h:p                        a cluster, reached through any of these nodes

The forms with several hosts are those of Flask-Limiter and `limits`; `rediss+...` speaks TLS to all of them. The
query is redis-py's, and `sentinel_username` and `sentinel_password` are for the Sentinels alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.credentials import CredentialProvider

Kind = Literal["server", "sentinel", "cluster"]
Credentials = Callable[[], tuple[str, str]]
"""User and password, asked for at every new connection, so that a changed password is used without a restart."""

_READ_BYTES = 1 << 17
_SENTINEL_PORT, _SERVER_PORT = 26379, 6379


class Address(NamedTuple):
    """Of one node."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Login:
    """How a connection is made, except where to."""

    kind: type[AbstractConnection]
    options: Mapping[str, Any]
    """redis-py's arguments."""

    def connection(self, address: Address | None, client_name: str, timeout_seconds: float) -> AbstractConnection:
        """A connection that is not open yet; `address` None: where the options say."""
        # Every call is under a time-out of ours, connecting included. The client's own would wrap its writes in
        # asyncio.wait_for, which before Python 3.12 can swallow a cancellation: the worker would never end.
        limits = {"socket_timeout": None, "socket_connect_timeout": timeout_seconds}
        place = {"host": address.host, "port": address.port} if address else {}
        options = {**self.options, **limits, **place, "client_name": client_name}
        # Without driver_info: redis-py reads its package's metadata anew, 1 ms, for every connection.
        return self.kind(**options, protocol=2, socket_read_size=_READ_BYTES, driver_info=None)


@dataclass(frozen=True, slots=True)
class Target:
    """A broker, as its URL describes it."""

    kind: Kind
    login: Login
    hosts: tuple[Address, ...] = ()
    """Sentinels, or nodes of the cluster."""
    service: str = ""
    sentinel_login: Login | None = None


def target(url: str, credentials: Credentials | None = None) -> Target:
    """Read a URL. Raises ValueError."""
    scheme, _, form = urlsplit(url).scheme.partition("+")
    if not form:
        return Target("server", _login(url, credentials))
    if form not in get_args(Kind) or form == "server" or scheme not in {"redis", "rediss"}:
        raise ValueError(f"not a broker's URL: {scheme}+{form}:// (redis+sentinel:// and redis+cluster:// are)")
    return _cluster(url, scheme, credentials) if form == "cluster" else _sentinel(url, scheme, credentials)


def _cluster(url: str, scheme: str, credentials: Credentials | None) -> Target:
    parts = urlsplit(url)
    if parts.path.strip("/") not in {"", "0"}:
        raise ValueError("a cluster has database 0 only")
    user, _, hosts = parts.netloc.rpartition("@")
    login = _login(f"{scheme}://{_at(user)}any/0?{parts.query}", credentials)
    return Target("cluster", login, _addresses(hosts, _SERVER_PORT))


def _sentinel(url: str, scheme: str, credentials: Credentials | None) -> Target:
    parts = urlsplit(url)
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("redis+sentinel://host:port,host:port/service needs the name of the service")
    user, _, hosts = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query))
    own = {"username": query.pop("sentinel_username", ""), "password": query.pop("sentinel_password", "")}
    their_query = urlencode({name: value for name, value in {**_without_db(query), **own}.items() if value})
    return Target(
        "sentinel",
        _login(f"{scheme}://{_at(user)}any/{database}?{urlencode(query)}", credentials),
        _addresses(hosts, _SENTINEL_PORT),
        unquote(service),
        _login(f"{scheme}://any?{their_query}", None),
    )


def _without_db(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in {"db", "username", "password"}}


def _at(user: str) -> str:
    return f"{user}@" if user else ""


def _addresses(hosts: str, default_port: int) -> tuple[Address, ...]:
    return tuple(_address(host, default_port) for host in hosts.split(",") if host)


def _address(text: str, default_port: int) -> Address:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(f"not a host: {text!r}")
    return Address(parts.hostname, parts.port or default_port)


def _login(url: str, credentials: Credentials | None) -> Login:
    options: dict[str, Any] = dict(parse_url(url))
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    if credentials:
        options = {name: value for name, value in options.items() if name not in {"username", "password"}}
        options["credential_provider"] = _Provider(credentials)
    return Login(kind, options)


class _Provider(CredentialProvider):
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def get_credentials(self) -> tuple[str, str]:
        return self._credentials()

    async def get_credentials_async(self) -> tuple[str, str]:
        return self._credentials()
