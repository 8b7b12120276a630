import random

from hypothesis import given
from hypothesis import strategies as st

from adjudge.streams import Message, Reject, Retries, Stall
from adjudge.streams.consuming.judging import judge

errors = st.sampled_from([None, ValueError(), Reject(), Stall()])


@given(outcomes=st.lists(errors, max_size=30))
def test_every_message_goes_exactly_one_way(outcomes):
    messages = [Message(f"{i}-0", "n", "standard", b"") for i in range(len(outcomes))]
    named = {m.id: error for m, error in zip(messages, outcomes, strict=True) if error}

    verdict = judge(messages, named, Retries(), random.Random(0), now=0.0)

    def ids(kind):
        return [m.id for m, error in zip(messages, outcomes, strict=True) if type(error) is kind]

    assert [m.id for m in verdict.done] == ids(type(None))
    assert [f.message.id for f in verdict.again] == ids(ValueError)
    assert [f.message.id for f in verdict.dead] == ids(Reject)
    assert [f.message.id for f in verdict.stalled] == ids(Stall)
