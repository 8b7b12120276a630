"""Against people: how many votes of an audit were set apart, and what the plan answered."""

from alembic import op

revision = "0010"
down_revision = "0008"

PEOPLE = (
    "ALTER TABLE audit ADD COLUMN people smallint NOT NULL DEFAULT 0, ADD COLUMN answered text",
    "COMMENT ON COLUMN audit.people IS 'votes set apart beforehand as what people say'",
    "COMMENT ON COLUMN audit.answered IS 'final answer of the decision, whoever gave it; null: none, or not noted'",
)


def upgrade() -> None:
    """Add columns; no row is rewritten. Audits of the release before set nothing apart that could be compared."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in PEOPLE:
        run(statement)
