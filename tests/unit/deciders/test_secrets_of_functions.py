"""Settings of a Python decider name secrets; the function is given their values, documents never hold them."""

import random
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.config.conftest import compiled
from tests.unit.config.documents import CLAIMS, Compile

from adjudge.core.answers import Labels
from adjudge.deciders import Answered, Outbound, Question, open_deciders

__all__ = ["compiled"]

FUNCTION = """
def ask(questions, token=None, deep=None):
    sure = token == "s3cret" and deep == {"tokens": ["s3cret"], "n": 1}
    return [{"pay": 0.99, "refuse": 0.01} if sure else {"pay": 0.5, "refuse": 0.5} for _ in questions]
"""
SETTINGS = "{token: {env: ADJUDGE_SECRET_DB}, deep: {tokens: [{file: db}], n: 1}}"


async def test_a_function_is_given_the_secrets_that_its_settings_name(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "given.py").write_text(FUNCTION)
    text = CLAIMS.replace('python: "deciders:claim_risk"', f'python: "given:ask", settings: {SETTINGS}')
    spec = compiled(text).deciders["claim-risk@1"]
    space = Labels(("pay", "refuse"))
    asked = Question(
        id="1", type="claim.pay", location="default", evidence={}, space=space, candidates=space.labels,
        attributes={}, stake=None, subject={},
    )  # fmt: skip

    async with open_deciders(
        [spec],
        folder=tmp_path,
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
        rng=random.Random(1),
        outbound=Outbound(secret=lambda secret: {"db": "s3cret"}.get(secret.name)),
    ) as deciders:
        [answer] = await deciders.ask("claim-risk@1", [asked])

    assert isinstance(answer, Answered)
    assert answer.confidence == 0.99
    assert "s3cret" not in repr(spec)
