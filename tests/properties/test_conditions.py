"""What lint says of conditions is certain."""

from hypothesis import event, given
from hypothesis import strategies as st

from adjudge.config.sections.contradictions import never_holds
from adjudge.core.expressions import compile_route_condition

NUMBERS = st.sampled_from(["7", "8", "24"])
COMPARED = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
WORDS = st.sampled_from(['"a"', '"b"'])
PARTS = st.one_of(
    st.tuples(st.just("hour"), COMPARED, NUMBERS).map(" ".join),
    st.tuples(st.just("hour"), st.sampled_from(["<=", ">="]), NUMBERS).map(" ".join),
    st.tuples(NUMBERS, COMPARED, st.just("hour")).map(" ".join),
    st.tuples(st.just("subject.kind"), st.sampled_from(["==", "!="]), WORDS).map(" ".join),
    st.sampled_from(["open", "!open", "open == false", "false", "true"]),
)
CONDITIONS = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "&&", "&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda part: f"!({part})"),
    ),
    max_leaves=4,
)
VALUES = [
    {"hour": hour, "subject": subject, "open": is_open}
    for hour in range(24)
    for subject in ({}, {"kind": "a"}, {"kind": "b"}, {"kind": "c"})
    for is_open in (False, True)
]


@given(text=CONDITIONS)
def test_what_is_said_never_to_hold_holds_for_no_question(text: str):
    """A fault that is none would keep a sound configuration from being published."""
    condition = compile_route_condition(text, {})

    why = never_holds(condition.tree)

    event("never" if why else "may")
    if why is not None:
        assert not [values for values in VALUES if condition.holds(values)], why
