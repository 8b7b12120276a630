"""Every metric: base units, labels from closed sets, never a decision or a person."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 3_600, 86_400)

ACCEPTED = Counter("adjudge_decisions_accepted", "Decisions committed at intake", ("type", "lane"))
REFUSED = Counter("adjudge_decisions_refused", "Questions refused at intake, by kind of problem", ("problem",))
LIMITED = Counter("adjudge_requests_limited", "Requests and questions refused by a limit of their key", ("limit",))
SHED = Counter("adjudge_decisions_shed", "Questions refused because of load", ("lane", "why"))
INTAKE_SECONDS = Histogram("adjudge_intake_duration_seconds", "One flush of the group commit", buckets=SECONDS[:10])
INTAKE_ROWS = Histogram("adjudge_intake_rows", "Decisions in one flush", buckets=(1, 2, 5, 10, 20, 50, 100, 200))
SETTLED = Counter(
    "adjudge_decisions_settled", "Outcomes written; code: by-hand is uncertified automation", ("type", "source", "code")
)
TIME_TO_OUTCOME = Histogram("adjudge_time_to_outcome_seconds", "From asked to settled", ("source",), buckets=SECONDS)
FALLBACKS = Counter("adjudge_fallbacks", "Decisions answered by their fallback, by reason", ("type", "reason"))
COVERAGE = Gauge(
    "adjudge_coverage_ratio",
    "Settled by model or rule / settled, last hour",
    ("type",),
    multiprocess_mode="livemostrecent",
)
OPINIONS = Counter(
    "adjudge_opinions", "Answers of deciders; result: answered, abstained or the fault", ("decider", "result")
)
UNPRICED = Counter(
    "adjudge_unpriced_answers",
    "Answers of deciders with a price whose server did not say how many tokens they took: cost is missing",
    ("decider",),
)
ASK_SECONDS = Histogram(
    "adjudge_ask_duration_seconds", "One batch put to a decider", ("decider_kind",), buckets=SECONDS[:13]
)
VOTES = Counter("adjudge_votes", "Votes of people; recorded as vote or, too late, as label", ("pool", "recorded"))
DECLINES = Counter("adjudge_declines", "Tasks given back unanswered", ("pool", "reason"))
LEASE_EXPIRIES = Counter("adjudge_lease_expiries", "Leases of review tasks that ran out")
OPEN = Gauge(
    "adjudge_open_decisions", "Decisions without a final outcome", ("lane",), multiprocess_mode="livemostrecent"
)
OLDEST_OPEN = Gauge(
    "adjudge_oldest_open_seconds", "Age of the oldest open decision", ("lane",), multiprocess_mode="livemostrecent"
)
QUEUE_WAITING = Gauge("adjudge_queue_waiting", "Review tasks that wait", ("pool",), multiprocess_mode="livemostrecent")
QUEUE_OLDEST = Gauge(
    "adjudge_queue_oldest_seconds",
    "Age of the oldest waiting review task",
    ("pool",),
    multiprocess_mode="livemostrecent",
)
DEAD_LETTERS = Counter("adjudge_dead_letters", "Messages given up", ("stream",))
RESENT = Counter("adjudge_resent", "Questions sent again: lost by the broker, or by its epoch", ("why",))
STREAM_EVENTS = Counter("adjudge_stream_events", "What happens to workers on streams", ("event",))
CLOCK_OFFSET = Gauge(
    "adjudge_clock_offset_seconds", "PostgreSQL's clock less ours", ("process",), multiprocess_mode="livemostrecent"
)
WAITERS = Gauge("adjudge_waiting_callers", "Callers that wait for an outcome", multiprocess_mode="livesum")
BREAKER_OPEN = Gauge(
    "adjudge_breaker_open",
    "1 while a decider's circuit breaker is not closed: open, due or probing",
    ("decider",),
    multiprocess_mode="livemax",
)

HTTP_SECONDS = Histogram(
    "adjudge_http_request_duration_seconds",
    "Requests answered, long polls included; status: 2xx to 5xx",
    ("route", "status"),
    buckets=SECONDS[:12],
)
SETTLE_SECONDS = Histogram(
    "adjudge_settle_duration_seconds", "One statement that settles a batch", buckets=SECONDS[:10]
)
SETTLE_REFUSED = Counter(
    "adjudge_settlements_refused", "Acceptances refused: a control on which they relied has changed"
)
POOL_IN_USE = Gauge(
    "adjudge_database_connections_in_use",
    "Connections of the pool that are out, at this moment",
    ("process",),
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "adjudge_database_connections_limit",
    "Connections that the pool may open",
    ("process",),
    multiprocess_mode="livesum",
)
DATABASE_BYTES = Gauge("adjudge_database_bytes", "Size of the database on disk", multiprocess_mode="livemostrecent")
PARTITION_WEEKS = Gauge(
    "adjudge_partition_weeks_ahead",
    "Whole weeks for which partitions are there",
    ("process",),  # without a label it would be 0, and an alarm, wherever nobody measures it
    multiprocess_mode="livemostrecent",
)
OVERDUE = Gauge(
    "adjudge_overdue_decisions",
    "Open decisions whose next step was due more than 30 s ago: nobody takes it",
    multiprocess_mode="livemostrecent",
)
AUDITS_EXPECTED = Counter(
    "adjudge_audits_expected", "Sum of the audit coin's probabilities over accepted decisions", ("type",)
)
AUDITS_MARKED = Counter("adjudge_audits_marked", "Accepted decisions that the audit coin marked", ("type",))
AUDITS_OPEN = Gauge(
    "adjudge_audits_open", "Audits whose truth is not known yet", ("type",), multiprocess_mode="livemostrecent"
)
AUDITS_OLDEST = Gauge(
    "adjudge_audits_oldest_seconds", "Age of the oldest open audit", ("type",), multiprocess_mode="livemostrecent"
)
CERTIFICATES_ISSUED = Counter("adjudge_certificates_issued", "Certificates issued", ("type",))
CERTIFICATES_SUSPENDED = Counter(
    "adjudge_certificates_suspended",
    "Certificates suspended; why: watch, siblings (a dated look at a group), or operator",
    ("type", "why"),
)
LICENSED = Gauge(
    "adjudge_licensed_slices",
    "Slices in which a certificate is in force",
    ("type",),
    multiprocess_mode="livemostrecent",
)
SUSPENDED = Gauge(
    "adjudge_suspended_slices",
    "Slices whose certificate was suspended, and that have not earned another",
    ("type",),
    multiprocess_mode="livemostrecent",
)
SNAPSHOTS = Counter("adjudge_votes_learnt", "Snapshots published of what votes are worth", ("type",))
AUDITS_CLOSED = Counter(
    "adjudge_audits_closed",
    "Audits closed; by: unanimity, expert, consensus, late (it came of itself), or lost: counted as wrong",
    ("type", "by"),
)
STREAM_UNREAD = Gauge(
    "adjudge_stream_unread",
    "Questions that no worker has read",
    ("decider", "lane"),
    multiprocess_mode="livemostrecent",
)
STREAM_HELD = Gauge(
    "adjudge_stream_held", "Questions in workers' hands", ("decider", "lane"), multiprocess_mode="livemostrecent"
)
STREAM_OLDEST = Gauge(
    "adjudge_stream_oldest_seconds",
    "Age of the oldest question that is not finished",
    ("decider", "lane"),
    multiprocess_mode="livemostrecent",
)
STREAM_DEAD = Gauge(
    "adjudge_stream_dead_letters",
    "Messages that lie in the dead letters",
    ("decider",),
    multiprocess_mode="livemostrecent",
)
AT_WORK = Gauge(
    "adjudge_reviewers_at_work", "People with a lease or a recent vote", ("pool",), multiprocess_mode="livemostrecent"
)
VOTE_SECONDS = Histogram("adjudge_vote_duration_seconds", "A person's time on a task", ("pool",), buckets=SECONDS[5:15])
LOOP_DELAY = Histogram(
    "adjudge_loop_delay_seconds", "Greatest delay of the event loop in each second", ("process",), buckets=SECONDS[:11]
)
DUTY_AT = Gauge(
    "adjudge_duty_last_success_timestamp_seconds",
    "When a keeper last did this duty to its end, Unix time",
    ("duty",),
    multiprocess_mode="livemax",
)
PUBLISHED = Counter("adjudge_configuration_published", "Revisions that this process has published")
REVISION = Gauge(
    "adjudge_configuration_revision",
    "Number of the revision that a process runs",
    ("process",),
    multiprocess_mode="livemin",
)
REVISION_BEHIND = Gauge(
    "adjudge_configuration_behind",
    "1 while a process does not run the revision that is published",
    ("process",),
    multiprocess_mode="livemax",
)
REVISION_REFUSED = Counter(
    "adjudge_configuration_refused", "Published revisions that a process could not take over", ("process",)
)
REVISION_SECONDS = Histogram(
    "adjudge_configuration_apply_duration_seconds",
    "From seeing a revision to running it",
    ("process",),
    buckets=SECONDS[:12],
)
BUILD = Gauge("adjudge_build_info", "1, for each version that runs", ("version",), multiprocess_mode="livemax")

FEED_FOLLOWERS = Gauge(
    "adjudge_feed_followers", "Readers that wait for outcomes on the feed", multiprocess_mode="livesum"
)
FEED_SENT = Counter("adjudge_feed_outcomes", "Outcomes given to readers of the feed; way: page or stream", ("way",))
FEED_HELD_BACK = Gauge(
    "adjudge_feed_held_back_seconds",
    "For how long a transaction that does not end has kept newer outcomes out of the feed",
    multiprocess_mode="livemax",
)

WEBHOOKS_WRITTEN = Counter("adjudge_webhooks_written", "Deliveries that were made from outcomes")
WEBHOOKS = Counter(
    "adjudge_webhook_attempts", "Attempts at deliveries; result: delivered, failed or parked", ("result",)
)
WEBHOOK_SECONDS = Histogram(
    "adjudge_webhook_duration_seconds", "One attempt, until the receiver's answer", buckets=SECONDS[:12]
)
WEBHOOKS_WAITING = Gauge(
    "adjudge_webhooks_waiting", "Deliveries that are not made yet", multiprocess_mode="livemostrecent"
)
WEBHOOKS_OLDEST = Gauge(
    "adjudge_webhooks_oldest_seconds", "For how long the oldest delivery has waited", multiprocess_mode="livemostrecent"
)
WEBHOOKS_PARKED = Gauge(
    "adjudge_webhooks_parked", "Deliveries given up, until they are sent again", multiprocess_mode="livemostrecent"
)

SHADOW_EXPECTED = Counter(
    "adjudge_shadow_expected", "Questions that deciders in shadow were to be asked, by decisions accepted", ("decider",)
)
SHADOW_DROPPED = Counter(
    "adjudge_shadow_dropped",
    "Questions on the side not asked; why: load, full, unavailable, late",
    ("decider", "why"),
)
SHADOW_OPINIONS = Counter(
    "adjudge_shadow_opinions",
    "Answers of deciders in shadow; result: answered, abstained or the fault",
    ("decider", "result"),
)
SHADOW_MISSING = Gauge(
    "adjudge_shadow_missing_ratio",
    "Without an answer / expected, of questions on the side in ten minutes",
    ("decider",),
    multiprocess_mode="livemostrecent",
)
