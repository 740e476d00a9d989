"""What remains of the restore wizard's form in its address."""

from urllib.parse import parse_qs

from hypothesis import given
from hypothesis import strategies as st

from http_api.fields import Fields
from http_api.pages.restore_state import Step, at, tidy

NAMES = (
    *("step", "restore_point", "path", "add", "open", "shut", "for", "selection.include", "selection.changes", "more"),
    *(
        "selection.compared_with",
        "match_case",
        "to",
        "target.share_name",
        "no_create",
        "target.account_url",
        "identity",
    ),
    *("target.credential", "target.path", "base", "part", "conflicts", "no_undo", "unknown"),
)
VALUES = ("", " ", "a", "a/b", "/a/", "true", "3", *Step, "original", "share", "account", "files", "attack", "metadata")


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(VALUES) | st.text("a\u00df /.&=+%\r\n\x00\u65e5", max_size=5), min_size=1, max_size=3),
    )
)
def test_whatever_was_typed_tidying_it_twice_is_tidying_it_once(given):
    once = tidy(Fields(given))
    assert tidy(once) == once
    assert tidy(Fields(parse_qs(at(once), keep_blank_values=True))) == once
