"""What a process needs before it can read its configuration. Read only in `cli`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adjudge.cli.refusing import Refused
from adjudge.engine.retaining import Ages
from adjudge.outbound import parse_permitted


class Settings(BaseSettings):
    """Environment: ADJUDGE_…, and DATABASE_URL and REDIS_URL as everybody names them."""

    model_config = SettingsConfigDict(
        env_prefix="ADJUDGE_", frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )

    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    """PostgreSQL, from 14; `adjudge up` brings one where it is unset."""
    redis_url: str | None = Field(None, validation_alias="REDIS_URL")
    """Redis, from 7.0, or Valkey, from 8; `adjudge up` brings one where it is unset."""
    config: Path = Path("config")
    """The configuration's folder: published at the first start, and where Python deciders are."""
    revision_copy: Path | None = None
    """A file in which the last good revision is kept, for a start while PostgreSQL is down; unset: none."""
    host: str = "127.0.0.1"
    """Address to listen on: the API's requests, a worker's or keeper's probes."""
    port: PositiveInt = 8400
    """Where the API listens."""
    metrics_port: int = 0
    """Where a worker or keeper serves /livez, /readyz and /metrics; 0: nowhere."""
    ready_file: Path | None = None
    """A file that a worker or keeper writes, with its process id, once it is at work, and removes when it ends."""
    lease_seconds: PositiveFloat = 15.0
    """A worker silent for this long loses its messages to the others."""
    drain_seconds: PositiveFloat = 10.0
    """For what is running, at SIGTERM; ten seconds later the process ends whatever hangs."""
    audit_rate: float = Field(0.02, ge=0, le=1)
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

    @field_validator("outbound_allow")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        parse_permitted(value)
        return value

    @property
    def ages(self) -> Ages:
        """How long what is kept. Raises TooShort."""
        return Ages(decisions=_days(self.keep_decisions_days), evidence=_days(self.keep_evidence_days))


def read_settings(**given: Any) -> Settings:
    """Read the environment; what is given and not None comes before it. Raises Refused, naming what is at fault."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = (
            f"{_variable_at(fault['loc'])}: {fault['msg'][:1].lower()}{fault['msg'][1:]}" for fault in error.errors()
        )
        raise Refused("; ".join(faults)) from error


def variable_of(field: str) -> str:
    """Return the environment variable that a setting is read from."""
    return str(Settings.model_fields[field].validation_alias or f"ADJUDGE_{field.upper()}")


def _variable_at(place: Sequence[object]) -> str:
    name = str(place[0]) if place else ""
    return variable_of(name) if name in Settings.model_fields else name


def _days(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)
