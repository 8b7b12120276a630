"""The project that is measured: one question type, one model that does nothing, no people."""

from typing import Final

TYPE: Final = "product.identify"
DECIDERS: Final = '''
"""Models that cost nothing, so that the rest is measured."""


SURE = {"orange": 0.99, "satsuma": 0.01}
UNSURE = {"orange": 0.6, "satsuma": 0.4}


def sure(questions):
    return [SURE for _ in questions]


def often_sure(questions):
    """Sure but for one in forty, by the number of its item."""
    return [UNSURE if int(q.evidence["item"][7:-4]) % 40 == 0 else SURE for q in questions]
'''
CONFIG: Final = """
types:
  product.identify:
    answers: {{candidates: {{always: [other]}}}}
    evidence:
      type: object
      required: [item, event]
      properties:
        item: {{type: string, maxLength: 200}}
        shelf: {{type: string}}
        event:
          type: object
          required: [id, at, facing]
          properties:
            id: {{type: string}}
            at: {{type: string, format: date-time}}
            facing: {{type: string}}
            delta_g: {{type: number}}
            sigma_g: {{type: number, minimum: 0}}
    deadline: {deadline}
    safe_side: other
    lane: realtime
deciders: {{vision@1: {{python: "deciders:{decider}", timeout: 2s, cost: 0.0005 USD}}}}
pools: {{shelf: {{wage: 12 USD/h}}}}
plans:
  shelf:
    stages:
      - {{ask: vision@1, accept: {{by_hand: "confidence >= 0.95"}}}}
      - {{ask: shelf, votes: {{min: 1, max: 1}}, combine: first, timeout: {deadline}}}
    fallback: safe_side
routes: [{{type: product.identify, plan: shelf}}]
"""


def project_files(*, decider: str = "sure", deadline: str = "3m") -> dict[str, str]:
    """Return the files of a project whose model is `sure` or `often_sure`."""
    return {"config/bench.yaml": CONFIG.format(decider=decider, deadline=deadline), "deciders.py": DECIDERS}
