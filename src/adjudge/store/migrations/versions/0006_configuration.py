"""The life of configuration: drafts, publications, receipts, kill switches."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SET LOCAL lock_timeout = '3s'")
