"""Data in and out: imports, exports, retention, erasure.

The new columns are filled for new rows only: no table is rewritten, no row touched.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = (
    # A default of a column that exists already leaves the rows alone; one added with it would rewrite them.
    "ALTER TABLE vote ADD COLUMN xid xid8",
    "ALTER TABLE vote ALTER COLUMN xid SET DEFAULT pg_current_xact_id()",
    "ALTER TABLE label ADD COLUMN xid xid8",
    "ALTER TABLE label ALTER COLUMN xid SET DEFAULT pg_current_xact_id()",
    "COMMENT ON COLUMN label.xid IS 'null: written before exports could go on from where they were'",
    "ALTER TABLE decision ADD COLUMN imported integer",
    "COMMENT ON COLUMN decision.imported IS 'data_import.number; its outcome has xid 0, which no feed ever reads'",
)

TABLES = (
    """
    CREATE TABLE data_import (
        number      integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        org         smallint    NOT NULL DEFAULT 1,
        name        text        NOT NULL,
        type        text        NOT NULL,
        items       bigint      NOT NULL DEFAULT 0,
        imported_by text        NOT NULL,
        started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        xid         xid8        NOT NULL DEFAULT pg_current_xact_id()
    )
    """,
    "COMMENT ON COLUMN data_import.xid IS 'of its newest page'",
    """
    CREATE TABLE retention (
        org        smallint    NOT NULL DEFAULT 1,
        kind       text        NOT NULL CHECK (kind IN ('decisions', 'evidence')),
        week       date        NOT NULL,
        dropped_by text        NOT NULL,
        began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        done_at    timestamptz,
        PRIMARY KEY (org, kind, week)
    )
    """,
    "COMMENT ON TABLE retention IS 'weeks that were dropped; what is asked of them is gone, not unknown'",
    """
    CREATE TABLE erasure (
        id           uuid        PRIMARY KEY,
        org          smallint    NOT NULL DEFAULT 1,
        subject      jsonb,
        decision_id  uuid,
        fields       text[]      NOT NULL,
        locations    text[],
        reason       text        NOT NULL,
        requested_by text        NOT NULL,
        requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        cursor       uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        erased       bigint      NOT NULL DEFAULT 0,
        done_at      timestamptz,
        CHECK (num_nonnulls(subject, decision_id) <= 1),
        CHECK (done_at IS NOT NULL OR num_nonnulls(subject, decision_id) = 1)
    )
    """,
    "COMMENT ON COLUMN erasure.subject IS 'whom to erase; itself erased once done'",
    "CREATE INDEX erasure_open ON erasure (requested_at) WHERE done_at IS NULL",
)

ERASING = (
    """
    CREATE FUNCTION refuse_unless_erasing_subject() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND current_setting('adjudge.erasing', true) = OLD.id::text
            AND NEW.subject = '{}' AND to_jsonb(NEW) - 'subject' = to_jsonb(OLD) - 'subject' THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'decision is append-only: erase_decision() may empty its subject, nothing else may change'
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    "DROP TRIGGER decision_append_only ON decision",
    """
    CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON decision
        FOR EACH ROW EXECUTE FUNCTION refuse_unless_erasing_subject()
    """,
    """
    CREATE FUNCTION erase_decision(of_decision uuid) RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
        had_evidence boolean;
        had_subject boolean;
    BEGIN
        had_evidence := erase_evidence(of_decision);
        PERFORM set_config('adjudge.erasing', of_decision::text, true);
        UPDATE decision SET subject = '{}' WHERE id = of_decision AND subject <> '{}';
        had_subject := FOUND;
        PERFORM set_config('adjudge.erasing', '', true);
        RETURN had_evidence OR had_subject;
    END $$
    """,
    """
    CREATE TRIGGER erasure_kept BEFORE DELETE OR TRUNCATE ON erasure
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER retention_kept BEFORE DELETE OR TRUNCATE ON retention
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Add columns, tables and functions; short locks only."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*COLUMNS, *TABLES, *ERASING):
        run(statement)
