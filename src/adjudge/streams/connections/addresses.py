"""Where the broker is: a URL, read.

    redis://h:p/db, rediss://..., unix://path?db=0           one server
    redis+sentinel://user:word@h:p,h:p/service/db            the master that Sentinels name
    redis+cluster://user:word@h:p,h:p                        a cluster, reached through any of these nodes

The forms with several hosts are those of Flask-Limiter and `limits`; `rediss+...` speaks TLS to all of them. The
query has the names of redis-py: `db`, `username`, `password`, and for TLS `ssl_ca_certs`, `ssl_certfile`,
`ssl_keyfile`, `ssl_cert_reqs` (`none`: any certificate will do), `ssl_check_hostname`. `sentinel_username` and
`sentinel_password` are for the Sentinels alone.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

Kind = Literal["server", "sentinel", "cluster"]
Credentials = Callable[[], tuple[str, str]]
"""User and password, asked for at every new connection, so that a changed password is used without a restart."""

_SENTINEL_PORT, _SERVER_PORT = 26379, 6379
_TLS: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"})
_NO: Final = frozenset({"0", "false", "no", "none"})


class Address(NamedTuple):
    """Of one node."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Login:
    """How a connection is made; to a node of several, `address` is not looked at."""

    address: Address
    path: str = ""
    """Of a Unix socket, instead of an address."""
    tls: ssl.SSLContext | None = None
    database: int = 0
    user: str = ""
    word: str = ""
    credentials: Credentials | None = None
    """Instead of `user` and `word`."""


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
    parts, query = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    unknown = sorted(query.keys() - _TLS - {"db", "username", "password"})
    if parts.scheme not in {"redis", "rediss", "unix"} or unknown:
        wrong = f"option {unknown[0]!r}" if unknown else f"scheme {parts.scheme!r}"
        raise ValueError(f"a broker's URL has no {wrong}")
    database = query.get("db") or (parts.path.strip("/") if parts.scheme != "unix" else "") or "0"
    if not database.isdecimal():
        raise ValueError(f"a database is a number, not {database!r}")
    return Login(
        Address(parts.hostname or "localhost", parts.port or _SERVER_PORT),
        path=unquote(parts.path) if parts.scheme == "unix" else "",
        tls=_tls(query) if parts.scheme == "rediss" else None,
        database=int(database),
        user=unquote(parts.username or query.get("username", "")),
        word=unquote(parts.password or query.get("password", "")),
        credentials=credentials,
    )


def _tls(query: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=query.get("ssl_ca_certs"))
    checked = query.get("ssl_cert_reqs", "required") not in _NO
    context.check_hostname = checked and query.get("ssl_check_hostname", "true").lower() not in _NO
    if not checked:
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in query:
        context.load_cert_chain(query["ssl_certfile"], query.get("ssl_keyfile"))
    return context
