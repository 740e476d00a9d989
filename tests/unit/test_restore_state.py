"""What the restore wizard keeps in its address, and what it asks of the API."""

import datetime as dt
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from http_api.fields import Fields
from http_api.models.base import Problem, WrongField
from http_api.models.restores import NewRestore, selection_of
from http_api.pages.restore_state import (
    OPEN_MAX,
    SITUATIONS,
    Step,
    at,
    body_of,
    first_wrong,
    hidden,
    ours,
    settled,
    state_of,
    tidy,
)
from http_api.pages.restore_words import CONFLICTS, PARTS, told
from http_api.parsing import made_of
from shared.model.restore import Change, Conflicts, Part, RestoreOrder, Selection
from shared.model.share import Share

NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
SHARE = Share(
    share_id=1,
    tenant_id="contoso",
    name="finance",
    account_url="https://contoso.file.core.windows.net",
    share_name="finance",
    credential="main",
    created_at=NOW,
)
ORDER = RestoreOrder(restore_point=41, account_url=SHARE.account_url, share_name="finance", credential="main")
ORDERS = [
    ORDER,
    replace(ORDER, selection=Selection(paths=("a/b.txt", "c & d", " blank "))),
    replace(ORDER, share_name="finance-2", target_path="back/again", path="a", create_share=False),
    replace(ORDER, account_url="https://other.file.core.windows.net", share_name="abc", credential="second"),
    replace(ORDER, account_url="https://other.file.core.windows.net", share_name="abc", credential=""),
    replace(ORDER, credential=""),
    replace(ORDER, part=Part.PERMISSIONS, keeps_undo=False, close_handles=True),
    replace(ORDER, conflicts=Conflicts.MIRROR),
    replace(
        ORDER,
        conflicts=Conflicts.DIFFERENT,
        selection=Selection(
            include=("*.xlsx", "Projects/**/drawings/"),
            exclude=("~*",),
            ignore_case=False,
            extensions=(".docx", ".xlsx"),
            written_from=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
            written_before=dt.datetime(2026, 2, 2, tzinfo=dt.UTC),
            compared_with=40,
            changes=(Change.CHANGED, Change.DELETED),
        ),
    ),
]


def fields(query):
    return Fields(parse_qs(query, keep_blank_values=True))


def order_of(body):
    """What the API makes of a body, as far as that needs no catalogue."""
    return RestoreOrder(
        restore_point=body.restore_point,
        path=body.path,
        account_url=body.target.account_url or SHARE.account_url,
        share_name=body.target.share_name,
        credential=SHARE.credential if body.target.credential is None else body.target.credential,
        target_path=body.target.path,
        create_share=body.target.create,
        selection=replace(selection_of(body.selection, 50), paths=body.selection.paths),
        conflicts=body.conflicts,
        part=body.part,
        close_handles=body.close_handles,
        keeps_undo=body.undo,
    )


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_ordered_can_be_chosen_and_is_ordered_again(order):
    state = tidy(fields(at(state_of(order, SHARE))))
    assert order_of(made_of(body_of(settled(state, SHARE)), NewRestore)) == order


@pytest.mark.parametrize("order", ORDERS)
def test_an_address_that_is_tidy_stays_as_it_is(order):
    state = state_of(order, SHARE)
    assert tidy(fields(at(state))) == state


def test_what_is_empty_or_as_by_default_is_not_in_the_address():
    sent = "restore_point=3&path=&add=&selection.include=&part=everything&to=original&target.share_name=other&target.path=&step=how"
    assert at(tidy(fields(sent))) == "step=how&restore_point=3&to=original"


def test_what_goes_with_another_choice_is_left_out():
    assert at(tidy(fields("to=share&target.share_name=abc&target.account_url=https://x&step=how"))) == (
        "step=how&to=share&target.share_name=abc"
    )
    assert "conflicts" not in at(tidy(fields("part=metadata&conflicts=mirror")))
    assert "compared" not in at(tidy(fields("selection.compared_with=3")))
    assert "credential" not in at(tidy(fields("to=account&identity=true&target.credential=main")))


def test_whoever_comes_with_a_path_sees_it_in_the_tree():
    assert tidy(fields("restore_point=3&path=a/b/c.txt&path=/a/d.txt")).chosen("open") == ["a", "a/b"]
    assert tidy(fields("restore_point=3&path=a/b/c.txt&step=what")).chosen("open") == []


def test_directories_are_unfolded_and_folded_again():
    many = "&".join(f"open=d{n}" for n in range(20))
    assert len(tidy(fields(f"step=what&{many}")).chosen("open")) == OPEN_MAX
    assert tidy(fields("step=what&open=a&open=b&shut=a")).chosen("open") == ["b"]


def test_a_path_that_is_typed_is_one_of_those_chosen():
    assert tidy(fields("step=what&path=a&add=%2Fb%2Fc%2F")).chosen("path") == ["a", "b/c"]


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_something_that_can_be_asked_for(name):
    state = tidy(fields(f"restore_point=3&for={name}&target.share_name=abc"))
    assert made_of(body_of(settled(state, SHARE)), NewRestore).dry_run
    assert "for" not in state.given


def test_a_step_sends_on_what_is_chosen_in_the_others():
    state = tidy(fields("restore_point=3&path=a&path=b&to=share&target.share_name=abc&conflicts=skip&step=where"))
    assert hidden(state, [Step.WHERE]) == [("restore_point", "3"), ("path", "a"), ("path", "b"), ("conflicts", "skip")]


@pytest.mark.parametrize(
    ("field", "name", "step"),
    [
        ("restore_point", "restore_point", Step.WHAT),
        ("selection.paths", "path", Step.WHAT),
        ("selection.paths.3", "path", Step.WHAT),
        ("selection.extensions", "selection.extensions", Step.WHAT),
        ("path", "base", Step.WHERE),
        ("target", "to", Step.WHERE),
        ("target.share_name", "target.share_name", Step.WHERE),
        ("credential", "target.credential", Step.WHERE),
        ("conflicts", "conflicts", Step.HOW),
        ("delete_at_most", "delete_at_most", None),
    ],
)
def test_what_is_wrong_is_told_where_it_was_chosen(field, name, step):
    problem = ours(Problem(type="", title="", status=400, detail="", errors=[WrongField(field=field, expected="x")]))
    assert problem.errors[0].field == name
    assert first_wrong(problem) is step


def test_every_choice_of_the_api_is_offered_with_what_it_does():
    assert [one.value for one in CONFLICTS] == [
        Conflicts.OVERWRITE,
        Conflicts.DIFFERENT,
        Conflicts.SKIP,
        Conflicts.KEEP_BOTH,
        Conflicts.MIRROR,
    ]
    assert {one.value for one in CONFLICTS} == set(Conflicts)
    assert [one.value for one in PARTS] == list(Part)
    assert all(one.does.endswith(".") for one in (*CONFLICTS, *PARTS))


def test_an_order_in_words():
    words = told(ORDERS[-1], SHARE)
    assert words.what == [
        "the whole share",
        "only what matches *.xlsx, Projects/**/drawings/",
        "not what matches ~*",
        "only files that end with .docx, .xlsx",
        "only files written at 2026-01-02 03:04 UTC or later",
        "only files written before 2026-02-02 00:00 UTC",
        "only files that are different or not there at restore point 40",
    ]
    assert (words.where, words.how) == ("finance (where it was)", ["overwrite if different"])
    assert told(ORDERS[2], SHARE).what == ["everything in /a"]
    assert told(ORDERS[3], SHARE).where == "abc in https://other.file.core.windows.net"
    assert told(ORDERS[6], SHARE).how == ["only permissions", "cannot be undone", "closes files that others have open"]
    many = replace(ORDER, selection=Selection(paths=tuple(f"f{n}" for n in range(12))))
    assert told(many, SHARE).what[-2:] == ["/f9", "and 2 more"]


def test_an_address_is_read_as_the_form_that_made_it():
    typed = Fields.of_address("http://x/restore?path=a%2Fb+c&path=d&step=&odd;thing")
    assert typed.chosen("path") == ["a/b c", "d"]
    assert (typed.text("step"), typed.text("nothing")) == ("", "")
    assert Fields.of_address("http://x/restore").given == {}
