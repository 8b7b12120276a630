"""Earned automation: audits, certificates, their watch, learnt parameters."""

from alembic import op

revision = "0007"
down_revision = "0006"

AUTOMATION = (
    # Few of all open rows are audits, and this index is written for them alone.
    "CREATE INDEX work_audit ON work (due_at) WHERE purpose = 'audit'",
    """
    CREATE TABLE audit (
        org         smallint    NOT NULL DEFAULT 1,
        decision_id uuid        PRIMARY KEY,
        number      bigint      NOT NULL,
        type        text        NOT NULL,
        location    text        NOT NULL,
        slice       text        NOT NULL,
        role        text        NOT NULL CHECK (role IN ('calibrate', 'certify')),
        rate        real        NOT NULL,
        policy      integer     NOT NULL,
        asked_at    timestamptz NOT NULL,
        closed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        truth       text,
        truth_by    text        NOT NULL CHECK (truth_by IN ('unanimity', 'expert', 'consensus', 'lost')),
        unanimous   text,
        why         text        NOT NULL DEFAULT '',
        expert_coin jsonb       NOT NULL,
        votes       jsonb       NOT NULL,
        opinions    jsonb       NOT NULL,
        facts       jsonb       NOT NULL,
        prefixes    jsonb       NOT NULL,
        imported    boolean     NOT NULL DEFAULT false,
        CHECK ((truth IS NULL) = (truth_by = 'lost'))
    )
    """,
    "COMMENT ON TABLE audit IS 'closed audits; what is open is in work. Kept when its decision is dropped by age'",
    "COMMENT ON COLUMN audit.truth IS 'null: lost, and counted as wrong'",
    "COMMENT ON COLUMN audit.unanimous IS 'what all votes agreed on, also where the expert was asked all the same'",
    "COMMENT ON COLUMN audit.why IS 'why it is lost, or went to the expert'",
    "COMMENT ON COLUMN audit.expert_coin IS 'key, probability and result of the coin for the expert'",
    "COMMENT ON COLUMN audit.opinions IS 'what each model said, by its name'",
    "COMMENT ON COLUMN audit.facts IS 'the case, as the decision had it: a certificate can be computed again'",
    "COMMENT ON COLUMN audit.prefixes IS 'of the plan that the decision took'",
    "CREATE INDEX audit_slice ON audit (org, type, slice, number)",
    "CREATE INDEX audit_closed ON audit (closed_at)",
    """
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE review_task ADD COLUMN vote_purpose text NOT NULL DEFAULT 'stage'",
    "COMMENT ON COLUMN review_task.vote_purpose IS 'what its vote is for, fixed before anybody saw it'",
    "ALTER TABLE control ADD COLUMN certificate text",
    "COMMENT ON COLUMN control.certificate IS 'of scopes certificate:…: the one in force'",
    "ALTER TABLE certificate ADD COLUMN scope text, ADD COLUMN epoch integer, ADD COLUMN licence jsonb",
    "COMMENT ON COLUMN certificate.licence IS 'what an acceptance looks at; the rest is evidence'",
    "CREATE INDEX certificate_scope ON certificate (org, scope, issued_at)",
    """
    CREATE TRIGGER certificate_append_only BEFORE UPDATE OR DELETE ON certificate
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE epoch (
        org          smallint    NOT NULL DEFAULT 1,
        scope        text        NOT NULL,
        number       integer     NOT NULL,
        covers       jsonb       NOT NULL,
        first_number bigint      NOT NULL,
        began_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        delta        float8      NOT NULL,
        design       jsonb,
        standing     jsonb,
        looked_at    timestamptz,
        renewal      text,
        ended_at     timestamptz,
        ended_why    text,
        PRIMARY KEY (org, scope, number)
    )
    """,
    "COMMENT ON TABLE epoch IS 'one error budget: of a slice, a prefix of a plan and a calibration'",
    "COMMENT ON COLUMN epoch.first_number IS 'decisions of higher numbers count; none of an epoch that has ended'",
    "COMMENT ON COLUMN epoch.design IS 'calibrator, grid, starting point: fixed before a certify-audit is looked at'",
    "COMMENT ON COLUMN epoch.renewal IS 'who has asked for a new validity'",
    "COMMENT ON COLUMN epoch.standing IS 'what the last look found, for people to read'",
)


def upgrade() -> None:
    """Add tables and columns without defaults; no row of any table is rewritten."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in AUTOMATION:
        run(statement)
