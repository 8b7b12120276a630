"""The table of keys, from which schema and reference are written, has what the readers read, and nothing else."""

import re

import jsonschema_rs
import pytest
from tests.unit.config.documents import CLAIMS, FaultsOf

from adjudge.config import document_schema, read_folder
from adjudge.config.documents.faults import Faults
from adjudge.config.documents.nodes import parse
from adjudge.config.keys import SECTIONS
from adjudge_retail import EXAMPLES

PROBES = """\
zzz: 1
organisation: {zzz: 1}
audits: {zzz: 1, pool: p}
types: {t: {zzz: 1, answers: [a, b], safe_side: a, facts: {n: {at: /n, type: number, zzz: 1}}}}
deciders:
  m@1: {zzz: 1, python: "d:m"}
  h@1: {zzz: 1, http: {url: "https://x.example/", response: {distribution: /p}}}
pools: {p: {zzz: 1}, q: {sooner: {zzz: 1}}}
plans:
  t:
    zzz: 1
    stages:
      - {zzz: 1, ask: m@1, accept: {by_hand: "confidence > 0.5"}}
      - zzz: 1
        ask: p
        votes: {min: 1, max: 2, zzz: 1, prices: {wrong: 9, expert: 1, zzz: 1}}
        combine: first
        timeout: 1m
    fallback: {zzz: 1, escalate: q, timeout: 1m, then: safe_side}
routes: [{type: t, plan: t, zzz: 1}]
groups: {g: {zzz: 1, dimension: d}}
locations: {l: {groups: [g], zzz: 1}}
schedules: {s: {zzz: 1, hours: {daily: 01:00-02:00}, types: {t: {lane: bulk}}}}
"""
PLACES = {
    "document": r"zzz", "organisation": r"organisation\.zzz", "audits": r"audits\.zzz", "type": r"types\.t\.zzz",
    "fact": r"types\.t\.facts\.n\.zzz", "decider": r"deciders\.[mh]@1\.zzz", "pool": r"pools\.p\.zzz",
    "sooner": r"pools\.q\.sooner\.zzz",
    "plan": r"plans\.t\.zzz", "stage": r"plans\.t\.stages\[\d\]\.zzz", "votes": r"plans\.t\.stages\[1\]\.votes\.zzz",
    "prices": r"plans\.t\.stages\[1\]\.votes\.prices\.zzz",
    "fallback": r"plans\.t\.fallback\.zzz", "route": r"routes\[0\]\.zzz", "group": r"groups\.g\.zzz",
    "location": r"locations\.l\.zzz", "schedule": r"schedules\.s\.zzz",
}  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_has_the_keys_that_its_reader_knows(faults_of: FaultsOf, section: str) -> None:
    """An unknown key is told those that there are."""
    told = [fault.message for fault in faults_of(PROBES) if re.fullmatch(PLACES[section], fault.path)]
    known = {key for message in told for key in re.findall(r"`([^`]+)`", message.partition("known are")[2])}

    assert known == {key.name for key in SECTIONS[section]}


def test_sound_documents_fit_the_schema_and_a_wrong_key_does_not() -> None:
    schema = jsonschema_rs.validator_for(document_schema())
    documents = [CLAIMS, *(text for name, text in read_folder(EXAMPLES).items())]

    for text in documents:
        schema.validate(_as_json(text))
    assert not schema.is_valid(_as_json(CLAIMS.replace("fallback:", "fallbak:")))


def _as_json(text: str) -> object:
    node = parse("a.yaml", text, "organisation", Faults())
    assert node is not None
    return node.plain()
