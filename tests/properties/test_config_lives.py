"""A configuration without a fault: published and read again it is the same, and no question raises in `advance`."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import NOON, seconds
from tests.properties.lives import WatchedLife
from tests.properties.strategies import World, happenings
from tests.unit.config.documents import CLAIMS

from adjudge.config import compile_documents
from adjudge.core.history import Case
from adjudge.core.money import Stake

ENDS = ("{answer: refuse}", "safe_side", "{provisional: best}", "{hold: 1h, then: {answer: pay}}",
        "{escalate: experts, timeout: 5m, then: safe_side}")  # fmt: skip
MODELS = (
    "ask: claim-risk@1, accept: {by_hand: 'confidence >= 0.9'}",
    "ask: [claim-risk@1, second@1], combine: agree, accept: {by_hand: 'margin > 0.1 || stake_in(\"USD\") < 5.0'}",
    "ask: second@1, accept: certified",
)
PEOPLE = (
    "ask: agents, votes: {min: 1, max: 1}, combine: first, timeout: 10m",
    "ask: agents, votes: {min: 2, max: 3, together: 2}, combine: majority, timeout: 10m",
    "ask: agents, votes: {min: 1, max: 3}, combine: bayes, accept: {by_hand: 'confidence >= 0.9'}, timeout: 10m",
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    end = st.sampled_from(ENDS)
    first = draw(st.sampled_from(MODELS)) + draw(
        st.sampled_from(("", ", on_error: {answer: refuse}", ", fallbacks: {timeout: {answer: pay}, error: defer}"))
    )
    second = draw(st.sampled_from(PEOPLE))
    endings = draw(st.sampled_from(("", f"\n    fallbacks: {{no-reviewer: {draw(end)}, timeout: {{answer: pay}}}}")))
    text = CLAIMS.replace("[pay, refuse]", f"[pay, refuse]\n    safe_side: refuse{endings}")
    text = text.replace("deciders: {", 'organisation: {rates: {EUR: 1.1}}\ndeciders: {second@1: {python: "d:s"}, ')
    text = text.replace("pools: {", "audits: {pool: agents}\npools: {experts: {}, ")
    before, _, after = text.partition("    stages:\n")
    routes = after[after.index("routes:") :]
    return f"{before}    stages:\n      - {{{first}}}\n      - {{{second}}}\n    fallback: {draw(end)}\n{routes}"


@settings(max_examples=60, deadline=None)
@given(
    text=documents(), events=st.lists(happenings(), max_size=12), due=st.sampled_from((100.0, 5000.0, 90000.0, -1.0))
)
def test_what_is_without_a_fault_never_raises_and_always_ends(text, events, due):
    """Whatever is asked and whatever happens then."""
    configuration = compile_documents({"a.yaml": text}, base=Path("/"))
    kind, plan = configuration.types["claim.pay"], configuration.plan("default", "claim.pay")
    case = Case(
        type="claim.pay",
        location="default",
        space=kind.space,
        deadline=NOON + seconds(due),
        stake=Stake(300, "EUR"),
        safe_side="refuse",
        late=due < 0,
    )

    life = WatchedLife(World(plan, case, ("pay", "refuse")))
    for happening in events:
        life.live(happening)
    life.end()
    life.replays()


@settings(max_examples=25, deadline=None)
@given(text=documents())
def test_what_is_published_and_read_again_is_the_same(text):
    once = compile_documents({"a.yaml": text}, base=Path("/"))

    again = compile_documents(once.documents, base=Path("/"))

    assert (again.hash, again.explain("default", "claim.pay")) == (once.hash, once.explain("default", "claim.pay"))
    assert again.plan("default", "claim.pay") == once.plan("default", "claim.pay")


@settings(max_examples=25, deadline=None)
@given(text=documents())
def test_every_effective_leaf_stands_on_the_line_that_it_names(text):
    lines = text.splitlines()

    for leaf in compile_documents({"a.yaml": text}, base=Path("/")).explain("default", "claim.pay"):
        key = leaf.path.rsplit(".", 1)[-1].partition("[")[0]
        assert key in lines[leaf.line - 1], leaf
