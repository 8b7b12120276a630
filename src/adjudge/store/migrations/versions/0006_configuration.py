"""The life of configuration: drafts, publications, receipts, kill switches."""

from alembic import op

revision = "0006"
down_revision = "0005"

REVISIONS = (
    """
    ALTER TABLE revision
        ADD COLUMN message  text    NOT NULL DEFAULT '',
        ADD COLUMN again    integer,
        ADD COLUMN approved text[]  NOT NULL DEFAULT '{}',
        ADD COLUMN only_at  text[],
        ADD COLUMN rest     integer,
        ADD COLUMN goes_on  timestamptz,
        ADD CONSTRAINT revision_staged CHECK ((only_at IS NULL) = (rest IS NULL)) NOT VALID
    """,
    "COMMENT ON COLUMN revision.again IS 'the revision whose documents these are, published again'",
    "COMMENT ON COLUMN revision.only_at IS 'location:NAME and group:NAME where it holds; null: everywhere'",
    "COMMENT ON COLUMN revision.rest IS 'the revision that holds at all other locations'",
    "COMMENT ON COLUMN revision.goes_on IS 'when its documents are published everywhere, unless another follows first'",
    """
    CREATE TRIGGER revision_append_only BEFORE UPDATE OR DELETE ON revision
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE draft (
        org        smallint    NOT NULL DEFAULT 1,
        id         uuid        NOT NULL,
        version    integer     NOT NULL DEFAULT 1,
        base       integer     NOT NULL,
        documents  jsonb       NOT NULL,
        message    text        NOT NULL,
        author     text        NOT NULL,
        edited_by  text[]      NOT NULL,
        approved   text[]      NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        published  integer,
        PRIMARY KEY (org, id)
    )
    """,
    "COMMENT ON COLUMN draft.base IS 'the revision it was made from: another in force meanwhile refuses it'",
    "COMMENT ON COLUMN draft.edited_by IS 'none of them can be its second person'",
)

RECEIPTS = (
    "ALTER TABLE receipt ADD COLUMN hash text",
    """
    CREATE TABLE process (
        org        smallint    NOT NULL DEFAULT 1,
        name       text        NOT NULL,
        role       text        NOT NULL,
        release    text        NOT NULL,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        revision   integer     NOT NULL,
        hash       text        NOT NULL,
        since      timestamptz NOT NULL DEFAULT clock_timestamp(),
        drift      text,
        PRIMARY KEY (org, name)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "COMMENT ON TABLE process IS 'who lives, and which revision it runs; seen_at is its heartbeat'",
    "COMMENT ON COLUMN process.drift IS 'how its folder differs from what is published; null: it does not'",
)

CONTROLS = (
    "ALTER TABLE control ADD COLUMN until timestamptz",
    "COMMENT ON COLUMN control.until IS 'switched off no longer than this; null: until somebody switches it on'",
)


def upgrade() -> None:
    """Add columns and tables; short locks only. Numbers, rows and meaning of what exists stay."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*REVISIONS, *RECEIPTS, *CONTROLS):
        run(statement)
