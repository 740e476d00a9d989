"""What a person types to name a share, a path and a restore point."""

import datetime as dt

import pytest

from cli.address import Address, Point, clean, parse_address, parse_point
from cli.errors import USAGE, CliError

ZONE = dt.timezone(dt.timedelta(hours=2))
NOW = dt.datetime(2026, 11, 29, 3, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("typed", "tenant", "share", "path", "point"),
    [
        ("finance", "", "finance", "", None),
        ("contoso/finance", "contoso", "finance", "", None),
        ("contoso/finance:", "contoso", "finance", "", None),
        ("contoso/finance:/", "contoso", "finance", "", None),
        ("contoso/finance:/2026/a b.txt", "contoso", "finance", "2026/a b.txt", None),
        ("finance:2026//invoices/", "", "finance", "2026/invoices", None),
        (r"finance:2026\invoices", "", "finance", "2026/invoices", None),
        ("finance@41", "", "finance", "", Point(number=41)),
        ("contoso/finance:/x@41", "contoso", "finance", "x", Point(number=41)),
        ("finance:/x@latest", "", "finance", "x", Point()),
        ("finance:/x@2d", "", "finance", "x", Point(until=NOW - dt.timedelta(days=2))),
        ("finance:/mail/me@contoso.com", "", "finance", "mail/me@contoso.com", None),
        ("finance:/mail/me@contoso.com@41", "", "finance", "mail/me@contoso.com", Point(number=41)),
        ("finance:/a:b", "", "finance", "a:b", None),
    ],
)
def test_an_address_is_read_as_it_is_meant(typed, tenant, share, path, point):
    assert parse_address(typed, NOW) == Address(tenant, share, path, point)


def test_with_the_restore_point_given_apart_no_sign_is_looked_for():
    assert parse_address("finance:/a@1", NOW, at="7") == Address("", "finance", "a@1", Point(number=7))
    assert parse_address("finance:/a@1", NOW, at="latest").point == Point()


@pytest.mark.parametrize("typed", ["", ":", "contoso/", "contoso/:x", "@41", "finance@yesterday", "finance@0"])
def test_what_names_nothing_is_refused_with_what_was_expected(typed):
    with pytest.raises(CliError, match="expected") as refused:
        parse_address(typed, NOW)
    assert refused.value.code == USAGE


def test_a_wrong_restore_point_given_apart_is_refused():
    with pytest.raises(CliError, match="--at is 'monday'; expected a number"):
        parse_address("finance", NOW, at="monday")


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("2026-11-27T14:05", dt.datetime(2026, 11, 27, 14, 5, tzinfo=ZONE)),
        ("2026-11-27 14:05:30", dt.datetime(2026, 11, 27, 14, 5, 30, tzinfo=ZONE)),
        ("2026-11-27T14:05Z", dt.datetime(2026, 11, 27, 14, 5, tzinfo=dt.UTC)),
        ("2026-11-27T14:05+05:30", dt.datetime(2026, 11, 27, 8, 35, tzinfo=dt.UTC)),
        ("2026-11-27", dt.datetime(2026, 11, 27, 23, 59, 59, 999999, tzinfo=ZONE)),
        ("30m", NOW - dt.timedelta(minutes=30)),
        ("1w", NOW - dt.timedelta(weeks=1)),
    ],
)
def test_a_time_without_a_zone_is_in_the_zone_of_whoever_types(typed, until):
    assert parse_point(typed, NOW) == Point(until=until)


@pytest.mark.parametrize("typed", ["", "0", "-1", "2026-13-01", "2026-11-27T25:00", "d", "2 d", "Latest", "٣"])
def test_anything_else_is_no_restore_point(typed):
    assert parse_point(typed, NOW) is None


def test_paths_are_what_the_api_takes():
    assert clean("//a/b//c/") == "a/b/c"
    assert clean("/") == clean("") == ""
