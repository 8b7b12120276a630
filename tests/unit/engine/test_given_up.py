"""What a decision keeps of why its message was given up."""

import pytest

from adjudge.engine.deciding.asking import given_up_for
from adjudge.streams import Poison, TimedOut


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (Poison(5), "5 consumers died while having it"),
        (TimedOut(30), "the handler was ended after 30 s"),
        (ValueError("invalid input for query argument $3: 'Mrs Smith'"), "ValueError"),
    ],
)
def test_why_a_message_was_given_up_quotes_nobody(error, kept):
    assert given_up_for(error) == kept
