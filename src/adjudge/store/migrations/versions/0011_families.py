"""What a slice has from its group, until it has a certificate of its own."""

from alembic import op

revision = "0011"
down_revision = "0010"

FAMILIES = (
    "ALTER TABLE epoch ADD COLUMN inherited jsonb",
    "COMMENT ON COLUMN epoch.inherited IS 'what the slice has from its group, and the watch over it; null: nothing'",
)


def upgrade() -> None:
    """Add a column; no row is rewritten."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in FAMILIES:
        run(statement)
