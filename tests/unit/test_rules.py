"""Rules are refused with the line that is wrong, leave out what they say, and cost next to nothing."""

import time

import pytest

from shared.core.rules import EVERYTHING, RULES_MAX, BadRule, Rules, parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a[b", "a ']' for each '['"),
        ("a[z-b]", "a set of characters like"),
        ("[[:alpha:]]", "a set of characters like"),
        ("a\\", "something after"),
        ("a//b", "between"),
        ("!", "between"),
        ("/", "between"),
        ("**/a/**/b/**/c/**", "at most 3 times"),
        ("x" * 1025, "up to 1,024 characters, not 1,025"),
        ("a\nb", "without line ends"),
    ],
)
def test_a_line_that_is_no_pattern_is_named(line, expected):
    with pytest.raises(BadRule, match=r"^line 3, .*expected ") as error:
        parse(["# fine", "*.tmp", line])
    assert expected in str(error.value)


def test_too_many_lines_are_refused():
    parse(["a"] * RULES_MAX)
    with pytest.raises(BadRule, match="up to 1,000 lines"):
        parse(["a"] * (RULES_MAX + 1))


def test_include_takes_nothing_back():
    with pytest.raises(BadRule, match="line 1, '!a': expected no '!' here"):
        Rules(include=["!a"])


def test_only_what_is_included_and_not_excluded_is_kept():
    rules = Rules(exclude=["*.tmp"], include=["/finance/reports/", "*.docx"])
    root = rules.within("")
    assert root.keeps("a.docx", False)
    assert not root.keeps("a.txt", False)
    assert root.keeps("finance", True)
    reports = rules.within("finance/reports/2026")
    assert reports.keeps("a.txt", False)
    assert not reports.keeps("a.tmp", False)


def test_a_way_that_leads_to_nothing_included_is_not_taken():
    rules = Rules(include=["/finance/reports/", "/hr/*/letters"])
    assert [name for name in ("finance", "hr", "it") if rules.within("").keeps(name, True)] == ["finance", "hr"]
    assert [name for name in ("reports", "drafts") if rules.within("finance").keeps(name, True)] == ["reports"]
    assert rules.within("hr").keeps("smith", True)
    assert not rules.within("hr/smith").keeps("photos", True)


def test_case_does_not_count_where_it_is_told_so():
    assert not Rules(["Thumbs.DB"], ignore_case=True).within("a").keeps("THUMBS.db", False)
    assert Rules(["Thumbs.DB"]).within("a").keeps("THUMBS.db", False)
    assert not Rules(["/Größe/*.[T]MP"], ignore_case=True).within("GRÖßE").keeps("x.tmp", False)


def test_a_rule_about_one_place_has_a_say_in_no_other():
    rules = Rules(["/a/b/c", "/a/*/d", "/x/**/y"])
    assert rules.within("").digest == rules.within("a/b/c").digest == rules.within("b").digest == EVERYTHING.digest
    assert len({0, *(rules.within(at).digest for at in ("a/b", "a/c", "x", "x/z"))}) == 5


def test_a_rule_about_names_alone_is_the_same_everywhere():
    assert Rules(["*.tmp", "cache/"]).within("a").digest == Rules(["*.tmp", "cache/"]).within("b/c").digest != 0


def test_many_stars_take_no_time():
    rules = Rules(["*a*a*a*a*a*a*a*a*a*a*b", "/**/*a*a*a*a*a*a*b*"])
    started = time.process_time()
    assert rules.within("a" * 255).keeps("a" * 255, False)
    assert time.process_time() - started < 0.5


def test_a_name_takes_a_few_microseconds_with_hundreds_of_rules():
    lines = (
        [f"name{n}.txt" for n in range(300)]
        + [f"*.ext{n}" for n in range(300)]
        + [f"/some/path{n}" for n in range(300)]
    )
    within = Rules(lines, ignore_case=True).within("some/where/else")
    names = [f"Report {n}.docx" for n in range(2000)]
    best = min(_seconds(within, names) for _ in range(5))
    assert best / len(names) < 10e-6


def _seconds(within, names):
    started = time.process_time()
    assert all(within.keeps(name, False) for name in names)
    return time.process_time() - started
