"""Earned automation: audits, certificates, their watch, learnt parameters."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SET LOCAL lock_timeout = '3s'")
