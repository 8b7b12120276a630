"""Learnt parameters: snapshots stand as they were published, and the audits that they are learnt from are found."""

from alembic import op

revision = "0008"
down_revision = "0007"

LEARNING = (
    """
    CREATE TRIGGER parameter_snapshot_append_only BEFORE UPDATE OR DELETE ON parameter_snapshot
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER parameter_snapshot_no_truncate BEFORE TRUNCATE ON parameter_snapshot
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    # A fifth of all audits, and of these alone anything is learnt.
    "CREATE INDEX audit_calibrate ON audit (org, type, number) WHERE role = 'calibrate'",
)


def upgrade() -> None:
    """Add triggers and an index; no row is rewritten."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in LEARNING:
        run(statement)
