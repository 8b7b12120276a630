"""Ways out: endpoints, deliveries and their attempts.

Release 0001 made both tables and wrote nothing into them: they may change as if they were new.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

ENDPOINT = (
    """
    ALTER TABLE endpoint
        DROP COLUMN body,
        ADD COLUMN locations        text[],
        ADD COLUMN types            text[],
        ADD COLUMN secret           bytea       NOT NULL,
        ADD COLUMN old_secret       bytea,
        ADD COLUMN old_secret_until timestamptz,
        ADD COLUMN created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        ADD COLUMN created_by       text        NOT NULL,
        ADD COLUMN told_since       timestamptz NOT NULL DEFAULT clock_timestamp(),
        ADD COLUMN failing_since    timestamptz,
        ADD COLUMN failure          text,
        ADD COLUMN stopped_at       timestamptz
    """,
    "COMMENT ON COLUMN endpoint.locations IS 'null: all; so for types'",
    "COMMENT ON COLUMN endpoint.old_secret IS 'signs beside the new one until old_secret_until'",
    "COMMENT ON COLUMN endpoint.told_since IS 'what was settled before is not told'",
    "COMMENT ON COLUMN endpoint.stopped_at IS 'the receiver answered 410 Gone: nothing is sent or written for it'",
)

DELIVERY = (
    "DROP INDEX delivery_next",
    """
    ALTER TABLE delivery
        ADD COLUMN failures   integer     NOT NULL DEFAULT 0,
        ADD COLUMN tried      jsonb       NOT NULL DEFAULT '[]',
        ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        ADD COLUMN due_since  timestamptz NOT NULL DEFAULT clock_timestamp(),
        ADD COLUMN ended_at   timestamptz,
        ADD CHECK (state IN ('waiting', 'sending', 'delivered', 'parked'))
    """,
    "ALTER TABLE delivery SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)",
    "COMMENT ON COLUMN delivery.attempt IS 'of the claim that is or was in force: a late result is known by it'",
    "COMMENT ON COLUMN delivery.failures IS 'in a row, since due_since; a redelivery begins anew'",
    "COMMENT ON COLUMN delivery.tried IS 'the latest attempts, as they ended'",
    "COMMENT ON COLUMN delivery.next_at IS 'while sending: when the sender counts as dead'",
    "CREATE INDEX delivery_due ON delivery (endpoint, next_at) WHERE state IN ('waiting', 'sending')",
    "CREATE INDEX delivery_parked ON delivery (endpoint, decision_id) WHERE state = 'parked'",
    "CREATE INDEX delivery_ended ON delivery (ended_at) WHERE state IN ('delivered', 'parked')",
)


def upgrade() -> None:
    """Complete the tables; short locks only."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*ENDPOINT, *DELIVERY):
        run(statement)
