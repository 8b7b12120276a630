"""The claims project of the tutorial, and what fixtures make of documents."""

from collections.abc import Callable

from adjudge.config import Configuration, Fault

CLAIMS = """\
types:
  claim.pay:
    answers: [pay, refuse]
    evidence: {type: object, required: [amount, text], properties: {amount: {type: string}, text: {type: string}}}
deciders: {claim-risk@1: {python: "deciders:claim_risk", timeout: 2s, cost: 0.0005 USD}}
pools: {agents: {wage: 12 USD/h}}
plans:
  claims:
    stages:
      - {ask: claim-risk@1, accept: {by_hand: "confidence >= 0.95"}}
      - {ask: agents, votes: {min: 1, max: 1}, combine: first, timeout: 10m}
    fallback: {hold: 24h, then: {answer: refuse}}
routes: [{type: claim.pay, plan: claims}]
"""

Compile = Callable[..., Configuration]
FaultsOf = Callable[..., tuple[Fault, ...]]
