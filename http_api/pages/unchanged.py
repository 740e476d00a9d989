"""Forms about something that is there: they say which state of it they were filled in for, and change no other one."""

from pydantic import BaseModel

from http_api.conditions import etag_of
from http_api.problems import CHANGED, Refusal


def check_unchanged(if_match: str, shown: BaseModel, what: str) -> None:
    """:raises Refusal: somebody has changed it since the form was opened. Nothing is lost: the form is shown again as it was filled in.

    :param if_match: the ETag that the form had in it; empty: whatever it is.
    """
    etag = etag_of(shown)
    if if_match and if_match != etag:
        raise Refusal(
            CHANGED,
            f"{what} changed since you opened this page; hint: what you typed is still here. Compare it with how things are now, and save again"
            " to put it in their place",
            headers={"ETag": etag},
        )
