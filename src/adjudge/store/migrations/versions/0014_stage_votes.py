"""An audit has the votes by which people decided its question: a stage of theirs can be certified."""

from alembic import op

revision = "0014"
down_revision = "0013"

# The release before neither writes nor reads it: what it closes counts as not answered by people.
STAGE_VOTES = (
    "ALTER TABLE audit ADD COLUMN stage_votes jsonb NOT NULL DEFAULT '[]'",
    "COMMENT ON COLUMN audit.stage_votes IS 'by which its plan decided: stage, reviewer, answer; as recorded'",
)


def upgrade() -> None:
    """Add a column with a constant default; no row is rewritten."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in STAGE_VOTES:
        run(statement)
