"""Every metric: base units, labels from closed sets, never a decision or a person."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 3_600, 86_400)

ACCEPTED = Counter("adjudge_decisions_accepted", "Decisions committed at intake", ("type", "lane"))
REFUSED = Counter("adjudge_decisions_refused", "Questions refused at intake, by kind of problem", ("problem",))
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
    "adjudge_breaker_open", "1 while a decider's circuit breaker is open", ("decider",), multiprocess_mode="livemax"
)
