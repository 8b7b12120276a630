"""Every log event: its name is stable, and what it says of itself stands here and nowhere else.

A test holds the names and levels to the calls in the code; `docs/reference/events.md` is this table.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error"]


class Event(NamedTuple):
    """A thing that is logged when it has ended."""

    level: Level
    says: str


EVENTS: Mapping[str, Event] = {
    "api.background_failed": Event("error", "What the API stands on has failed; the process ends, to be started again"),
    "api.failed": Event("error", "A request met a fault of ours and was answered with 500; the trace is with it"),
    "api.unavailable": Event(
        "warning", "Requests were answered with 503, so many since the line before: the database does not answer"
    ),
    "api.unread": Event("warning", "A decision is durable, and could not be read back for its asker"),
    "api.unstorable": Event("warning", "A request held what PostgreSQL cannot store, and was refused"),
    "asking.stalled": Event("warning", "Answers of a model are in hand, and wait for the database"),
    "audit.closed": Event("info", "The truth of an audit is known, or it is lost and counts as wrong"),
    "audits.stalled": Event("warning", "Audits wait for the database or the broker"),
    "breaker.closed": Event("info", "A decider that was left alone is asked again"),
    "breaker.opened": Event("warning", "A decider is left alone until a probe succeeds; the fault, and why"),
    "broker.disconnected": Event("warning", "The broker did not answer, or refused; it is tried again"),
    "broker.lost_its_data": Event("warning", "The broker is new or was flushed; all open questions are sent again"),
    "broker.reconnected": Event("info", "The broker answers reads again"),
    "certificate.drifted": Event(
        "warning", "Scores are no longer those of the time of the certificate; it ends if it is configured to"
    ),
    "certificate.expired": Event("warning", "A certificate has expired: too few audits to renew it; people take over"),
    "certificate.inherited": Event(
        "info", "A slice may be automated by the certificate of its group, of which it has a copy"
    ),
    "certificate.issued": Event("info", "Audits have shown that a slice may be automated, from which threshold on"),
    "certificate.suspended": Event("error", "Audits show that the risk has risen; people take over, with the evidence"),
    "certificates.failed": Event("error", "Certificates could not be looked at; they are looked at again"),
    "certificates.stalled": Event("warning", "Certificates wait for the database"),
    "claim.revision_unknown": Event("warning", "A task's configuration cannot be read here; it is not handed out"),
    "clock.offset": Event("error", "This machine's clock is too far from PostgreSQL's: the process is not ready"),
    "configuration.applied": Event("info", "A process has taken a published revision over; how long it took"),
    "configuration.drift": Event("warning", "A process's folder differs from what is published, which goes before it"),
    "configuration.from_copy": Event("warning", "The database is away; a process begins with its copy of a revision"),
    "configuration.refused": Event("error", "A process cannot run a published revision, and goes on under the last"),
    "configuration.uncopied": Event("warning", "The copy of the last good revision could not be written, or read"),
    "configuration.unseen": Event("warning", "A process could not look at what is in force; it will look again"),
    "configuration.went_on": Event("info", "What held at some locations holds everywhere: its time has come"),
    "database.unseen": Event("warning", "A process waits for its database before it begins"),
    "decision.settled": Event("debug", "A decision got an outcome; by whom, how long it was open, and its `trace`"),
    "epoch.given_up": Event("info", "From where an epoch starts a licence is far: another begins where audits now say"),
    "erasure.done": Event("info", "All that was to be erased of a subject is erased"),
    "events.stalled": Event("warning", "A reader of the stream of outcomes takes nothing; its connection is ended"),
    "feed.poll_failed": Event("warning", "The feed was not read on: the database does not answer; readers wait"),
    "feed.rewound": Event("warning", "The database is another one, restored or moved; the feed is read anew"),
    "figures.stalled": Event("warning", "A gauge could not be measured, and shows what it showed before"),
    "hint.malformed": Event("warning", "What came over the channel of hints is none; it is passed over"),
    "housekeeping.stalled": Event("warning", "A keeper's duty waits for the database"),
    "intake.stalled": Event("warning", "Questions wait to be committed: the database does not answer"),
    "intake.unstorable": Event("error", "PostgreSQL refused a question that the edge had let through"),
    "leases.expired": Event("info", "Tasks of people who went away are free again"),
    "leases.step_failed": Event(
        "error",
        "Nobody is left to ask after a lease that ended, and the decision could not be moved on. "
        "It ends at its stage's time-out",
    ),
    "library.logged": Event("warning", "A library or a model says something in its own words: `logger`, `message`"),
    "limits.unshared": Event(
        "warning", "Limits of keys were not shared with the other processes: the database is away"
    ),
    "loop.blocked": Event("warning", "Code held the event loop; `where` it was, and in which handler"),
    "loop.stalled": Event("error", "Code holds the event loop, and has for so long that liveness fails"),
    "message.dead": Event("error", "A message was given up and lies in the dead letters"),
    "message.expired": Event("warning", "A message was finished unhandled: its deadline was over"),
    "message.failed": Event("warning", "A handler failed on a message; it is tried again after `retry_seconds`"),
    "messages.handed_back": Event("info", "Messages went back unfinished at shutdown; others take them"),
    "messages.reclaimed": Event("warning", "Messages of a consumer that died were claimed"),
    "messages.vanished": Event("warning", "Pending messages are gone from their stream: trimmed, or deleted by hand"),
    "partitions.made": Event("info", "Partitions were made ahead"),
    "process.overran": Event(
        "error", "A process was still not through long after it was told to end, and ended itself"
    ),
    "question.unanswered": Event(
        "debug", "A decider did not answer a question; the fault in its words, which may quote evidence"
    ),
    "retention.dropped": Event("info", "A week past its age was dropped; what, and how many bytes"),
    "retention.held": Event("warning", "A week past its age was kept, because open decisions need it"),
    "shadow.failed": Event("error", "Workers of deciders in shadow failed and start again; what is served goes on"),
    "shadow.missing": Event("error", "A decider in shadow has not answered a tenth of what it should have, or more"),
    "shadow.stalled": Event("warning", "What deciders in shadow should do could not be counted: no database"),
    "slips.unsent": Event("warning", "Questions could not be sent; they stay due, and are sent later"),
    "subscription.paused": Event("warning", "An operator paused lanes"),
    "subscription.resumed": Event("warning", "An operator resumed what was paused"),
    "sweeper.stalled": Event("warning", "The sweeper waits for the database"),
    "timers.broker_unavailable": Event("warning", "Timers cannot see what the broker holds; nothing counts as lost"),
    "timers.failed": Event("error", "A page of due work failed; its rows are stepped one by one"),
    "timers.row_failed": Event("error", "A decision cannot be stepped; it is put off, the others go on"),
    "timers.stalled": Event("warning", "Timers wait for the database"),
    "tracing.sampler_unknown": Event(
        "warning", "OTEL_TRACES_SAMPLER, or its argument, is none that is known here; sampled as if it were not set"
    ),
    "tracing.unavailable": Event("warning", "Traces are asked for, and the extra `adjudge[otel]` is not installed"),
    "tracing.unsent": Event("warning", "The collector did not take the last spans in time; the process ends without"),
    "upkeep.stalled": Event("warning", "Clock, controls and load could not be refreshed"),
    "waiters.poll_failed": Event("warning", "The database was not asked about waiting callers; hints still wake them"),
    "webhook.failed": Event("error", "A fault of ours kept a webhook from being sent; it is tried again"),
    "webhook.failing": Event("warning", "A receiver fails, and is left alone for a while; the others are not held up"),
    "webhook.parked": Event("error", "Webhooks were given up after days, and wait to be sent again by hand"),
    "webhook.recovered": Event("info", "A receiver answers again; what waits for it is sent"),
    "votes.failed": Event("error", "What votes are worth could not be learnt; what was learnt before stays in force"),
    "votes.learnt": Event("info", "A snapshot of what votes are worth is in force: of which type, from how many votes"),
    "votes.stalled": Event("warning", "Learning what votes are worth waits for the database"),
    "webhook.stopped": Event("error", "A receiver answered 410 Gone: its endpoint is sent nothing more"),
    "webhooks.stalled": Event("warning", "Webhooks wait for the database"),
    "worker.decider_retired": Event("info", "A decider is asked no more: no open decision may need it"),
    "worker.deciders_changed": Event("info", "A worker asks deciders that a new revision adds or changes"),
    "worker.retiring_stalled": Event("warning", "Deciders that went could not be retired yet; they are still asked"),
    "worker.stalled": Event("warning", "What stands behind a handler is gone; its messages keep their leases"),
    "worker.started": Event("info", "A worker is at work: for which deciders, under which revision"),
    "worker.wedged": Event("error", "Work waits, and this worker does nothing: its liveness fails from now on"),
}
