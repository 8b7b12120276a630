"""Keys: limits and rotation; the journal."""

from alembic import op

revision = "0003"
down_revision = "0002"

KEYS = (
    """
    ALTER TABLE api_key
        ADD COLUMN requests_per_second double precision CHECK (requests_per_second > 0),
        ADD COLUMN bytes_per_second    bigint           CHECK (bytes_per_second > 0),
        ADD COLUMN open_decisions      integer          CHECK (open_decisions > 0),
        ADD COLUMN rotated_at          timestamptz,
        ADD COLUMN old_hash            bytea,
        ADD COLUMN old_until           timestamptz
    """,
    "COMMENT ON COLUMN api_key.requests_per_second IS 'null: as many as come; so for the other limits'",
    "COMMENT ON COLUMN api_key.old_hash IS 'opens what secret_hash opens until old_until'",
    "CREATE UNIQUE INDEX api_key_old_hash ON api_key (old_hash) WHERE old_hash IS NOT NULL",
    """
    CREATE UNLOGGED TABLE key_use (
        key      text        NOT NULL,
        process  text        NOT NULL,
        requests integer     NOT NULL,
        at       timestamptz NOT NULL,
        PRIMARY KEY (key, process)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "COMMENT ON TABLE key_use IS 'what each API process was asked by limited keys in its last second'",
    "ALTER TABLE work ADD COLUMN limited_key text",
    "COMMENT ON COLUMN work.limited_key IS 'whose limit of open decisions it counts for'",
    "CREATE INDEX work_limited ON work (limited_key) WHERE limited_key IS NOT NULL",
)

JOURNAL = (
    """
    CREATE TABLE journal (
        id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        org      smallint    NOT NULL DEFAULT 1,
        at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor    text        NOT NULL,
        action   text        NOT NULL,
        subject  text        NOT NULL,
        location text,
        detail   jsonb       NOT NULL DEFAULT '{}'
    )
    """,
    "COMMENT ON TABLE journal IS 'who changed what and who looked at evidence; never the evidence'",
    "CREATE INDEX journal_subject ON journal (subject, id)",
    "CREATE INDEX journal_action ON journal (action, id)",
    """
    CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Add columns and tables; short locks only: `work` holds what is open, and nothing of it is limited yet."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*KEYS, *JOURNAL):
        run(statement)
