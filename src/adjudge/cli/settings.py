"""What a process needs before it can read its configuration. Read only in `cli`."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from adjudge.cli.refusing import Refused
from adjudge.outbound import parse_permitted

PREFIX: Final = "ADJUDGE_"
PositiveInt: TypeAlias = Annotated[int, Meta(gt=0)]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65_535)]
PositiveFloat: TypeAlias = Annotated[float, Meta(gt=0)]
SWITCHES: Final[Mapping[str, str]] = MappingProxyType(
    {**dict.fromkeys(("on", "yes", "t", "y"), "true"), **dict.fromkeys(("off", "no", "f", "n"), "false")}
)
"""What people write for true and false, beside these and 1 and 0."""


class Settings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=lambda name: f"{PREFIX}{name.upper()}"
):
    """Environment: ADJUDGE_…, and DATABASE_URL and REDIS_URL as everybody names them."""

    database_url: str | None = msgspec.field(default=None, name="DATABASE_URL")
    """PostgreSQL, from 14; `adjudge up` brings one where it is unset."""
    redis_url: str | None = msgspec.field(default=None, name="REDIS_URL")
    """Redis, from 7.0, or Valkey, from 8; `adjudge up` brings one where it is unset."""
    config: Path = Path("config")
    """The configuration's folder: published at the first start, and where Python deciders are."""
    revision_copy: Path | None = None
    """A file in which the last good revision is kept, for a start while PostgreSQL is down; unset: none."""
    host: str = "127.0.0.1"
    """Address to listen on: the API's requests, a worker's or keeper's probes."""
    port: Port = 8400
    """Where the API listens."""
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Where a worker or keeper serves /livez, /readyz and /metrics; 0: nowhere, as in `adjudge up`, whose api tells
    for all."""
    ready_file: Path | None = None
    """A file that a worker or keeper writes, with its process id, once it is at work, and removes when it ends."""
    lease_seconds: PositiveFloat = 15.0
    """A worker silent for this long loses its messages to the others."""
    drain_seconds: PositiveFloat = 10.0
    """For what is running, at SIGTERM; ten seconds later the process ends whatever hangs."""
    audit_rate: Annotated[float, Meta(ge=0, le=1)] = 0.02
    """Probability of the audit coin."""
    key_window_seconds: PositiveFloat = 86_400.0
    """How long an idempotency key is remembered."""
    keep_decisions_days: PositiveInt | None = None
    """Keepers drop whole weeks of decisions that are older; at least 14; unset: never."""
    keep_evidence_days: PositiveInt | None = None
    """The same of evidence alone."""
    outbound_allow: str = ""
    """Private networks in which model servers and webhook receivers may be, such as `127.0.0.0/8, 10.20.0.0/16`;
    all else must have a public address."""
    secrets_folder: str = "/run/secrets"
    """Where the files are that configuration names as `{file: NAME}`."""
    pool_size: PositiveInt = 8
    """Connections to PostgreSQL, of each process."""
    log_level: str = "info"
    """What is written: `debug`, `info`, `warning` or `error`."""
    unsafe: bool = False
    """Run on a PostgreSQL that may forget what it has acknowledged."""
    seed: int | None = None
    """For repeatable runs: seeds ids, backoffs and names. Never in production."""


VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {field.name: field.encode_name for field in msgspec.structs.fields(Settings)}
)
"""The environment variable of each setting."""


def read_settings(**given: Any) -> Settings:
    """Read the environment; what is given and not None comes before it. Raises Refused, naming what is at fault."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    told = {name: environment[variable] for name, variable in VARIABLES.items() if variable in environment}
    told |= {name: value for name, value in given.items() if value is not None}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in msgspec.structs.fields(Settings):
        if field.name in told:
            try:
                values[field.name] = _fitting(field.type, told[field.name])
            except msgspec.ValidationError as error:
                faults.append(f"{field.encode_name}: {str(error).partition(',')[0].lower()}")
    try:
        parse_permitted(values.get("outbound_allow", ""))
    except ValueError as error:
        faults.append(f"{VARIABLES['outbound_allow']}: {error}")
    if faults:
        raise Refused("; ".join(faults))
    return Settings(**values)


def _fitting(kind: Any, value: Any) -> Any:
    """Return a value as its setting takes it. Raises ValidationError."""
    if kind is bool and isinstance(value, str):
        value = SWITCHES.get(value.strip().lower(), value)
    return msgspec.convert(value.strip() if isinstance(value, str) else value, kind, strict=False, dec_hook=_made)


def _made(kind: type, value: str | Path) -> Path:
    assert kind is Path
    return Path(value)
