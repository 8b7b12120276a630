"""The first schema: truth, work, people, configuration, and what cannot be recorded later."""

from alembic import op

revision = "0001"
down_revision = None

PARTITIONED = ("decision", "evidence", "outcome", "decision_event", "assignment", "vote", "label")

TABLES = """
CREATE SEQUENCE decision_number;

CREATE TABLE decision (
    id             uuid        PRIMARY KEY,
    org            smallint    NOT NULL DEFAULT 1,
    number         bigint      NOT NULL DEFAULT nextval('decision_number'),
    type           text        NOT NULL,
    location       text        NOT NULL,
    groups         text[]      NOT NULL,
    lane           text        NOT NULL,
    subject        jsonb       NOT NULL,
    stake_minor    bigint,
    stake_currency text,
    facts          jsonb       NOT NULL,
    revision       integer     NOT NULL,
    plan_hash      text        NOT NULL,
    principal      text        NOT NULL,
    asked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    deadline       timestamptz NOT NULL,
    deadline_shown boolean     NOT NULL,
    evidence_hash  bytea       NOT NULL,
    trace          text,
    audit          boolean     NOT NULL,
    audit_rate     real        NOT NULL,
    audit_role     text        NOT NULL,
    audit_key      text        NOT NULL,
    audit_policy   integer     NOT NULL
) PARTITION BY RANGE (id);
COMMENT ON COLUMN decision.number IS 'order of intake: within a slice, its intake number';
COMMENT ON COLUMN decision.audit_rate IS 'probability of the audit coin; audit is how it fell';
CREATE INDEX decision_location ON decision (org, location, id);
CREATE INDEX decision_type ON decision (org, type, id);

CREATE TABLE evidence (
    decision_id uuid  PRIMARY KEY,
    body        jsonb NOT NULL
) PARTITION BY RANGE (decision_id);

CREATE TABLE outcome (
    decision_id uuid        NOT NULL,
    version     integer     NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('provisional', 'final', 'amended')),
    answer      text,
    source      text        NOT NULL,
    confidence  double precision,
    deciders    text[]      NOT NULL,
    reason      text        NOT NULL,
    code        text        NOT NULL,
    certificate text,
    relied      jsonb       NOT NULL,
    attempt_id  uuid        NOT NULL,
    votes       smallint    NOT NULL,
    cost        jsonb       NOT NULL,
    path        jsonb       NOT NULL,
    settled_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (decision_id, version)
) PARTITION BY RANGE (decision_id);
COMMENT ON COLUMN outcome.path IS 'the events since the version before';
CREATE UNIQUE INDEX outcome_one_final ON outcome (decision_id) WHERE kind = 'final';
CREATE INDEX outcome_feed ON outcome (xid, decision_id, version);

CREATE TABLE decision_event (
    decision_id uuid        NOT NULL,
    event_id    uuid        NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    body        jsonb       NOT NULL,
    PRIMARY KEY (decision_id, event_id)
) PARTITION BY RANGE (decision_id);

CREATE TABLE idem (
    org         smallint    NOT NULL DEFAULT 1,
    principal   text        NOT NULL,
    key_hash    bytea       NOT NULL,
    fingerprint bytea       NOT NULL,
    decision_id uuid        NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (org, principal, key_hash)
);
CREATE INDEX idem_expiry ON idem USING brin (expires_at);

CREATE TABLE work (
    decision_id uuid        NOT NULL,
    purpose     text        NOT NULL DEFAULT 'decide' CHECK (purpose IN ('decide', 'audit')),
    org         smallint    NOT NULL DEFAULT 1,
    type        text        NOT NULL,
    location    text        NOT NULL,
    lane        text        NOT NULL,
    revision    integer     NOT NULL,
    version     integer     NOT NULL DEFAULT 0,
    stage       integer     NOT NULL,
    status      text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'held', 'provisional')),
    waiting_for jsonb,
    attempt     integer     NOT NULL DEFAULT 0,
    sent_at     timestamptz,
    due_at      timestamptz NOT NULL,
    due_kind    text        NOT NULL CHECK (due_kind IN ('start', 'stage', 'deadline', 'resend')),
    stage_until timestamptz NOT NULL,
    deadline    timestamptz NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    history     jsonb       NOT NULL,
    PRIMARY KEY (decision_id, purpose)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX work_due ON work (due_at);

CREATE TABLE review_task (
    id          uuid        PRIMARY KEY,
    org         smallint    NOT NULL DEFAULT 1,
    decision_id uuid        NOT NULL,
    purpose     text        NOT NULL DEFAULT 'decide',
    stage       integer     NOT NULL,
    seat        integer     NOT NULL,
    pool        text        NOT NULL,
    type        text        NOT NULL,
    location    text        NOT NULL,
    priority    double precision NOT NULL,
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'leased', 'answered', 'closed')),
    candidates  text[]      NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at      timestamptz NOT NULL,
    reviewer    text,
    lease_token uuid,
    lease_until timestamptz,
    UNIQUE (decision_id, purpose, stage, seat)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON COLUMN review_task.candidates IS 'answers in the order drawn for this task';
CREATE INDEX review_task_claim ON review_task (org, pool, priority DESC, id) WHERE state = 'waiting';
CREATE INDEX review_task_lease ON review_task (lease_until) WHERE state = 'leased';

CREATE TABLE assignment (
    decision_id uuid        NOT NULL,
    token       uuid        NOT NULL,
    reviewer    text        NOT NULL,
    task_id     uuid        NOT NULL,
    why         text        NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    ending      text CHECK (ending IN ('answered', 'declined', 'released', 'expired', 'closed')),
    note        text,
    PRIMARY KEY (decision_id, token)
) PARTITION BY RANGE (decision_id);
COMMENT ON TABLE assignment IS 'who was shown what, when, and how it ended; nobody gets a decision twice';
CREATE UNIQUE INDEX assignment_once ON assignment (decision_id, reviewer) WHERE ending IS DISTINCT FROM 'released';

CREATE TABLE vote (
    decision_id   uuid        NOT NULL,
    reviewer      text        NOT NULL,
    task_id       uuid        NOT NULL,
    purpose       text        NOT NULL,
    stage         integer     NOT NULL,
    seat          integer     NOT NULL,
    pool          text        NOT NULL,
    answer        text        NOT NULL,
    seconds       real        NOT NULL,
    claimed_at    timestamptz NOT NULL,
    answered_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    why           text        NOT NULL,
    saw_model     boolean     NOT NULL DEFAULT false,
    saw_peers     boolean     NOT NULL DEFAULT false,
    outcome_given boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (decision_id, reviewer)
) PARTITION BY RANGE (decision_id);
CREATE INDEX vote_recent ON vote (pool, answered_at);
CREATE INDEX vote_reviewer ON vote (reviewer, answered_at);

CREATE TABLE label (
    decision_id     uuid        NOT NULL,
    source          text        NOT NULL,
    source_ref      text        NOT NULL,
    answer          text        NOT NULL,
    reporter        text        NOT NULL,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    weight          real        NOT NULL DEFAULT 1,
    after_version   integer     NOT NULL,
    answer_could_influence boolean NOT NULL,
    PRIMARY KEY (decision_id, source, source_ref)
) PARTITION BY RANGE (decision_id);

CREATE TABLE delivery (
    endpoint    text        NOT NULL,
    decision_id uuid        NOT NULL,
    version     integer     NOT NULL,
    state       text        NOT NULL DEFAULT 'waiting',
    attempt     integer     NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error  text,
    PRIMARY KEY (endpoint, decision_id, version)
);
CREATE INDEX delivery_next ON delivery (next_at) WHERE state = 'waiting';

CREATE TABLE duty (
    name   text        PRIMARY KEY,
    owner  text        NOT NULL,
    fence  bigint      NOT NULL,
    until  timestamptz NOT NULL,
    cursor jsonb
);

CREATE TABLE control (
    org        smallint    NOT NULL DEFAULT 1,
    scope      text        NOT NULL,
    generation bigint      NOT NULL,
    state      text        NOT NULL CHECK (state IN ('on', 'off')),
    reason     text        NOT NULL,
    changed_by text        NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, scope)
);
COMMENT ON TABLE control IS 'stands above the revision: an acceptance names the generations it relied on';

CREATE TABLE revision (
    org          smallint    NOT NULL DEFAULT 1,
    number       integer     NOT NULL,
    hash         text        NOT NULL,
    documents    jsonb       NOT NULL,
    author       text        NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, number)
);
CREATE TABLE receipt (
    org        smallint    NOT NULL DEFAULT 1,
    process    text        NOT NULL,
    revision   integer     NOT NULL,
    applied    boolean     NOT NULL,
    why        text,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, process, revision)
);
CREATE TABLE certificate (
    id        text        PRIMARY KEY,
    org       smallint    NOT NULL DEFAULT 1,
    slice     jsonb       NOT NULL,
    body      jsonb       NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE parameter_snapshot (
    org    smallint    NOT NULL DEFAULT 1,
    kind   text        NOT NULL,
    number integer     NOT NULL,
    body   jsonb       NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, kind, number)
);
CREATE TABLE reviewer (
    org      smallint    NOT NULL DEFAULT 1,
    name     text        NOT NULL,
    pools    text[]      NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, name)
);
CREATE TABLE api_key (
    id           text        PRIMARY KEY,
    org          smallint    NOT NULL DEFAULT 1,
    name         text        NOT NULL,
    role         text        NOT NULL CHECK (role IN ('client', 'reviewer', 'operator', 'admin')),
    secret_hash  bytea       NOT NULL UNIQUE,
    locations    text[],
    pools        text[],
    reviewer     text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by   text        NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CHECK ((role = 'reviewer') = (reviewer IS NOT NULL))
);
COMMENT ON COLUMN api_key.locations IS 'null: all';
CREATE TABLE endpoint (
    id   text     PRIMARY KEY,
    org  smallint NOT NULL DEFAULT 1,
    url  text     NOT NULL,
    body jsonb    NOT NULL
);
CREATE TABLE decider_state (
    org      smallint    NOT NULL DEFAULT 1,
    process  text        NOT NULL,
    decider  text        NOT NULL,
    body     jsonb       NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, process, decider)
);
CREATE TABLE secret (
    kind       text        NOT NULL,
    id         text        NOT NULL,
    value      bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, id)
);
COMMENT ON TABLE secret IS 'keys of coins and of signed URLs; the newest of a kind is in use';
CREATE TABLE alarm (
    org      smallint    NOT NULL DEFAULT 1,
    name     text        NOT NULL,
    detail   text        NOT NULL,
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (org, name)
);
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('adjudge.erasing', true) = OLD.decision_id::text THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'evidence is append-only: erase_evidence() is the one way' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION erase_evidence(of_decision uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    erased boolean;
BEGIN
    PERFORM set_config('adjudge.erasing', of_decision::text, true);
    DELETE FROM evidence WHERE decision_id = of_decision;
    erased := FOUND;
    PERFORM set_config('adjudge.erasing', '', true);
    RETURN erased;
END $$;

CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE ON evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_erasing();
"""


def upgrade() -> None:
    """Create everything in one transaction."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split(";\n"), *APPEND_ONLY.split("\n\n")):
        if statement.strip():
            run(statement)
    for table in ("decision", "outcome", "decision_event", "vote", "label"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in PARTITIONED:
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
