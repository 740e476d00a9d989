"""Attributes as the service writes them."""

import pytest

from shared.errors import IntegrityError
from shared.formats import attributes
from shared.model.entry import Attributes


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("", 0),
        ("None", 0),
        ("Archive", Attributes.ARCHIVE),
        ("ReadOnly | Archive", Attributes.READ_ONLY | Attributes.ARCHIVE),
        ("Archive|ReadOnly", Attributes.READ_ONLY | Attributes.ARCHIVE),
        ("Directory|Directory", Attributes.DIRECTORY),
        ("NotContentIndexed|NoScrubData|Offline", 0x2000 | 0x20000 | 0x1000),
    ],
)
def test_text_is_read_in_any_order_and_spacing(text, bits):
    assert attributes.from_text(text) == bits


def test_every_attribute_is_written_and_read_back():
    for bit in Attributes:
        assert attributes.from_text(attributes.to_text(bit | 0x20)) == bit | 0x20
    assert attributes.to_text(0) == "None"
    assert attributes.to_text(0x21) == "ReadOnly|Archive"


def test_an_unknown_name_is_refused():
    with pytest.raises(IntegrityError, match="'Purple' is not a file attribute"):
        attributes.from_text("Archive | Purple")


def test_a_bit_without_a_name_is_refused():
    with pytest.raises(ValueError, match="0x80000000"):
        attributes.to_text(0x80000000)
