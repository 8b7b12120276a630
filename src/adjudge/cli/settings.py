"""What a process needs before it can read its configuration. Read only in `cli`."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment: ADJUDGE_…, and DATABASE_URL and REDIS_URL as everybody names them."""

    model_config = SettingsConfigDict(env_prefix="ADJUDGE_", frozen=True, populate_by_name=True)

    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    redis_url: str | None = Field(None, validation_alias="REDIS_URL")
    config: Path = Path("config")
    host: str = "127.0.0.1"
    port: PositiveInt = 8400
    metrics_port: int = 0
    """Where a worker or keeper serves /livez and /metrics; 0: nowhere."""
    ready_file: Path | None = None
    """What a worker or keeper writes once it is at work."""
    lease_seconds: PositiveFloat = 15.0
    """A worker silent for this long loses its messages to the others."""
    drain_seconds: PositiveFloat = 10.0
    audit_rate: float = Field(0.02, ge=0, le=1)
    """Probability of the audit coin."""
    key_window_seconds: PositiveFloat = 86_400.0
    """How long an idempotency key is remembered."""
    pool_size: PositiveInt = 8
    log_level: str = "info"
    unsafe: bool = False
    """Run on a PostgreSQL that may forget what it has acknowledged."""
    seed: int | None = None
    """For repeatable runs: seeds ids, backoffs and names. Never in production."""
