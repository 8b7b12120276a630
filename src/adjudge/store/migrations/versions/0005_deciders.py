"""Deciders in shadow: what each said to a decision, and how much was expected of it and done."""

from alembic import op

revision = "0005"
down_revision = "0004"

SHADOW = (
    """
    CREATE TABLE shadow_opinion (
        decision_id  uuid             NOT NULL,
        decider      text             NOT NULL,
        at           timestamptz      NOT NULL DEFAULT clock_timestamp(),
        answer       text,
        confidence   double precision,
        distribution jsonb,
        fault        text,
        detail       text             NOT NULL DEFAULT '',
        seconds      double precision NOT NULL,
        cost_micros  bigint           NOT NULL,
        currency     text             NOT NULL,
        PRIMARY KEY (decision_id, decider)
    ) PARTITION BY RANGE (decision_id)
    """,
    "COMMENT ON TABLE shadow_opinion IS 'what deciders said on the side; nothing that decides reads it'",
    "COMMENT ON COLUMN shadow_opinion.answer IS 'null: it abstained, or see fault'",
    "CREATE INDEX shadow_opinion_decider ON shadow_opinion (decider, decision_id)",
    """
    CREATE TRIGGER shadow_opinion_append_only BEFORE UPDATE OR DELETE ON shadow_opinion
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER shadow_opinion_no_truncate BEFORE TRUNCATE ON shadow_opinion
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE shadow_tally (
        org      smallint    NOT NULL DEFAULT 1,
        decider  text        NOT NULL,
        minute   timestamptz NOT NULL,
        expected bigint      NOT NULL DEFAULT 0,
        dropped  bigint      NOT NULL DEFAULT 0,
        answered bigint      NOT NULL DEFAULT 0,
        failed   bigint      NOT NULL DEFAULT 0,
        PRIMARY KEY (org, decider, minute)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "COMMENT ON COLUMN shadow_tally.minute IS 'in which decisions were asked, by their ids; all columns count these'",
)


def upgrade() -> None:
    """Add two tables; nothing that exists is touched. Partitions are made after it, like all others."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in SHADOW:
        run(statement)
