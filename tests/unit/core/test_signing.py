"""Signatures as Standard Webhooks has them."""

import pytest

from adjudge.core.signing import is_signed, read_secret, shown, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = bytes(32)


def test_a_message_is_signed_as_the_other_libraries_sign_it():
    assert signature([read_secret(SECRET)], MESSAGE, TIMESTAMP, BODY) == SIGNATURE


def test_each_of_two_secrets_verifies_what_both_have_signed():
    both = signature([OTHER, read_secret(SECRET)], MESSAGE, TIMESTAMP, BODY)

    assert is_signed([OTHER], both, MESSAGE, str(TIMESTAMP), BODY)
    assert is_signed([read_secret(SECRET)], both, MESSAGE, str(TIMESTAMP), BODY)
    assert not is_signed([bytes(31) + b"x"], both, MESSAGE, str(TIMESTAMP), BODY)


@pytest.mark.parametrize(
    ("message", "timestamp", "body"),
    [("msg_x", str(TIMESTAMP), BODY), (MESSAGE, "1614265331", BODY), (MESSAGE, str(TIMESTAMP), BODY + b" ")],
)
def test_a_signature_is_of_id_time_and_body(message, timestamp, body):
    assert not is_signed([read_secret(SECRET)], SIGNATURE, message, timestamp, body)


@pytest.mark.parametrize("header", ["", "v1,", "v2," + SIGNATURE[3:], SIGNATURE[3:], "v1,é", ", ,", "v1"])
def test_what_is_no_signature_verifies_nothing(header):
    assert not is_signed([read_secret(SECRET)], header, MESSAGE, str(TIMESTAMP), BODY)


def test_a_secret_is_read_as_it_is_shown():
    assert read_secret(shown(OTHER)) == OTHER


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_short", "whsec_!!!!", "whsec_" + "A" * 200])
def test_what_is_no_secret_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="a secret") as refused:
        read_secret(text)

    assert not text or text not in str(refused.value)
