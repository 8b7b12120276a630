"""The AsyncAPI 3 document of what our processes say to each other through the broker, made from the types they send.

Written by `adjudge streams asyncapi`; the copy in the documentation is held to it by a test.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

import adjudge
from adjudge.engine import slips
from adjudge.engine.deciding import notifying
from adjudge.engine.slips import Slip
from adjudge.streams.broker import WAKES
from adjudge.streams.keys import DEAD
from adjudge.streams.marks import Mark
from adjudge.streams.messages import Trail
from adjudge.streams.reasons import Reasons

PREFIX = "adjudge"
"""Of the consumer group and of the channels; see `Streams`."""

MSGPACK = "application/msgpack"
_SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_REFERENCE = "#/components/schemas/{name}/schema"

Json = dict[str, Any]


def document() -> Json:
    """The whole document."""
    payloads, schemas = msgspec.json.schema_components(
        [Slip, Mark, Trail, Reasons, list[UUID]], ref_template=_REFERENCE
    )
    slip, mark, trail, reasons, decisions = payloads
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Adjudge, inside",
            "version": adjudge.__version__,
            "description": (
                "What the processes of one installation say to each other. Transport only: everything here can be "
                "lost and is made again from PostgreSQL. No interface for callers; these use HTTP. Bodies are "
                "msgpack: instants are timestamps (extension -1), what the schemas call base64 is binary."
            ),
        },
        "defaultContentType": MSGPACK,
        "servers": {"broker": {"host": "localhost:6379", "protocol": "redis", "description": "REDIS_URL"}},
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": {
                "slip": _message("A question to a decider", _entry_fields(mark, trail), _schema(slip)),
                "deadLetter": _message("A slip that was given up", _letter_fields(mark, reasons), _schema(slip)),
                "settled": _message("Decisions that have an outcome now", None, _schema(decisions)),
                "wake": _message(
                    "The key prefix of a name under which something is due", None, {"type": "string"}, "text/plain"
                ),
            },
            "schemas": {name: _schema(schema) for name, schema in schemas.items()},
        },
    }


def _channels() -> Json:
    decider, lane = "Name and version of a model, such as claim-risk@1", "Its urgency"
    return {
        "asks": {
            "address": _key("{lane}"),
            "description": (
                f"A stream, read by the consumer group `{PREFIX}`. Entries are deleted when they are done. "
                "The outer braces are part of the key, its hash tag."
            ),
            "parameters": {"decider": {"description": decider}, "lane": {"description": lane}},
            "messages": _messages("slip"),
        },
        "deadLetters": {
            "address": _key(DEAD),
            "description": "A stream without readers; `adjudge streams dead` shows it. Kept for 14 days.",
            "parameters": {"decider": {"description": decider}},
            "messages": _messages("deadLetter"),
        },
        "settled": {
            "address": f"{PREFIX}:{notifying.EVERYBODY}",
            "description": "Pub/Sub: hints to all API replicas. Each asks the database too, once a second.",
            "messages": _messages("settled"),
        },
        "settledFor": {
            "address": f"{PREFIX}:{notifying.channel_of('{replica}')}",
            "description": "Pub/Sub: hints to the API replica at which a caller waits.",
            "parameters": {"replica": {"description": "A name that it gave itself at its start"}},
            "messages": _messages("settled"),
        },
        "wakes": {
            "address": f"{PREFIX}:{WAKES}",
            "description": "Pub/Sub: hints of the broker's scripts to workers. They look twice a second anyway.",
            "messages": _messages("wake"),
        },
    }


def _operations() -> Json:
    return {
        "ask": _operation("send", "asks", "api, worker, keeper: a stage with this decider begins, or is sent again"),
        "beAsked": _operation("receive", "asks", "worker: puts the question to the model; at least once"),
        "giveUp": _operation("send", "deadLetters", "worker: after the last try, or a fault that no retry can help"),
        "tellEverybody": _operation("send", "settled", "worker, keeper, api: nobody knows who waits"),
        "tellAsker": _operation("send", "settledFor", "worker: the slip says who waits"),
        "hear": _operation("receive", "settledFor", "api: answers the callers who wait"),
        "hearAll": _operation("receive", "settled", "api: answers the callers who wait"),
        "wakeUp": _operation("receive", "wakes", "worker: moves what is due"),
    }


def _key(last: str) -> str:
    """As `Keys` makes them, for a decider that is a parameter."""
    return f"{{{slips.STREAM_PREFIX}{{decider}}}}:{last}"


def _messages(name: str) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"}}


def _operation(action: str, channel: str, summary: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(summary: str, fields: Json | None, payload: Mapping[str, Any], content_type: str = MSGPACK) -> Json:
    headers = {"headers": fields} if fields else {}
    return {"summary": summary, "contentType": content_type, **headers, "payload": payload}


def _entry_fields(mark: Json, trail: Json) -> Json:
    """The fields of an entry beside `b`, which has the payload."""
    fields = {
        "m": {**_json(mark), "description": "Key, deadline, trace, dedup id, headers; left out when there are none"},
        "h": {**_json(trail), "description": "Where it comes from, once it was delayed or tried again"},
    }
    return _schema({"type": "object", "properties": fields})


def _letter_fields(mark: Json, reasons: Json) -> Json:
    fields = {
        "lane": {"type": "string"},
        "reasons": {**_json(reasons), "description": "Error, traceback and history"},
        "m": {**_json(mark), "description": "As of the entry; empty when there was none"},
    }
    return _schema({"type": "object", "properties": fields, "required": ["lane", "reasons", "m"]})


def _json(schema: Json) -> Json:
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}


def _schema(schema: Mapping[str, Any]) -> Json:
    return {"schemaFormat": _SCHEMA_FORMAT, "schema": dict(schema)}
