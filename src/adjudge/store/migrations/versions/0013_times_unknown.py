"""A vote from elsewhere may have taken nobody knows how long."""

from alembic import op

revision = "0013"
down_revision = "0012"

# The release before writes a time with every vote, and reads one in a median and in exports: both pass over null.
TIMES_UNKNOWN = (
    "ALTER TABLE vote ALTER COLUMN seconds DROP NOT NULL",
    "COMMENT ON COLUMN vote.seconds IS 'seconds at work; null: imported, from a set that does not say'",
)


def upgrade() -> None:
    """Let a column be null; no row is read or rewritten."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in TIMES_UNKNOWN:
        run(statement)
