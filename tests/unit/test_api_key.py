"""The text of an API key."""

import hashlib
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.api_key import digest_of, is_key, key_id_of, make_key

secrets = st.binary(min_size=32, max_size=32)
ids = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(ids, secrets)
def test_a_key_names_itself_and_is_known_again(key_id, secret):
    key = make_key(key_id, secret)
    assert re.fullmatch(r"afb_[0-9a-f]{12}_[0-9A-Za-z]{49}", key)
    assert key_id_of(key) == key_id
    assert digest_of(key) == hashlib.sha256(key.encode()).digest()
    assert is_key(key, digest_of(key))


@given(ids, secrets, secrets)
def test_other_secrets_make_other_keys(key_id, one, other):
    assert (make_key(key_id, one) == make_key(key_id, other)) == (one == other)
    assert is_key(make_key(key_id, one), digest_of(make_key(key_id, other))) == (one == other)


@given(ids, secrets, st.integers(0, 65), st.sampled_from("0aZ_ \n"))
def test_a_typing_error_is_no_key(key_id, secret, at, typed):
    key = make_key(key_id, secret)
    wrong = key[:at] + typed + key[at + 1 :]
    assert key_id_of(wrong) is None or wrong == key


def test_the_whole_secret_is_in_it_and_the_check_is_crc_32():
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    secret = bytes(range(32))
    key = make_key("0123456789ab", secret)
    told = key.rpartition("_")[2]
    number = 0
    for digit in told[:43]:
        number = number * 62 + digits.index(digit)
    assert number.to_bytes(32) == secret
    check = 0
    for digit in told[43:]:
        check = check * 62 + digits.index(digit)
    assert check == zlib.crc32(key[:-6].encode())


@pytest.mark.parametrize("text", ["", "afb_", "x" * 66, "afb_0123456789ab_" + "é" * 49, "afb_0123456789AB_" + "a" * 49])
def test_what_has_not_the_form_is_no_key(text):
    assert key_id_of(text) is None


def test_a_secret_of_another_size_is_refused():
    with pytest.raises(ValueError, match="16 bytes; expected 32"):
        make_key("0123456789ab", bytes(16))
