"""Data in and out: imports, exports, retention, erasure."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass
