"""Route templates and the table that chooses between them."""

import uuid

import pytest

from localdev.functions_host.routing import (
    Found,
    Route,
    RouteError,
    Table,
    WrongMethod,
    compile_template,
    path_segments,
)


def match(template, path):
    return compile_template(template).match(path_segments(path))


@pytest.mark.parametrize(
    ("template", "path", "found"),
    [
        ("a/b", "/a/b", {}),
        ("a/b", "/A/B/", {}),
        ("a/b", "/a", None),
        ("a/b", "/a/b/c", None),
        ("", "/", {}),
        ("{x}", "/", None),
        ("{x}", "/v%20w", {"x": "v w"}),
        ("{x}", "/v%2Fw", {"x": "v%2Fw"}),
        ("{x}/{y}", "/1/2", {"x": "1", "y": "2"}),
        ("{x?}", "/", {}),
        ("a/{x:int?}", "/a", {}),
        ("a/{x:int?}", "/a/b", None),
        ("a/{x=7}", "/a", {"x": "7"}),
        ("a/{*rest}", "/a", {}),
        ("a/{*rest}", "/a/b/c", {"rest": "b/c"}),
        ("a/{**rest}", "/a/b/c", {"rest": "b/c"}),
        ("v{major}.{minor}", "/v1.22", {"major": "1", "minor": "22"}),
        ("{name}.txt", "/a.b.txt", {"name": "a.b"}),
        ("{name}.txt", "/.txt", None),
    ],
)
def test_a_template_matches_whole_paths(template, path, found):
    assert match(template, path) == found


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", ["0", "-5", "2147483647"], ["2147483648", "1.5", "x", "1x"]),
        ("long", ["9223372036854775807"], ["9223372036854775808", "x"]),
        ("guid", [str(uuid.UUID(int=5)), uuid.UUID(int=5).hex], ["5", f"{uuid.UUID(int=5)}0"]),
        ("alpha", ["abcXYZ"], ["abc1", "é"]),
        ("bool", ["true", "False"], ["yes"]),
        ("double", ["1.5", "-2e3"], ["1.5x"]),
        ("min(3)", ["3", "99"], ["2", "x"]),
        ("max(3)", ["3", "-9"], ["4"]),
        ("range(2,4)", ["2", "4"], ["1", "5"]),
        ("length(2)", ["ab"], ["a", "abc"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("regex(^a{{2}}$)", ["aa"], ["a", "aaa"]),
        ("int:min(5)", ["5"], ["4", "x"]),
    ],
)
def test_a_constraint_accepts_and_refuses(constraint, good, bad):
    template = compile_template(f"a/{{x:{constraint}}}")
    for value in good:
        assert template.match(["a", value]) == {"x": value}, value
    for value in bad:
        assert template.match(["a", value]) is None, value


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{x:odd}", "unknown constraint 'odd'"),
        ("{x:min(a)}", "expected 1 whole numbers"),
        ("{x", "braces do not match"),
        ("a//b", "an empty segment"),
        ("{x}/{X}", "appears twice"),
        ("{*rest}/a", "must be the whole last segment"),
        ("a{*rest}", "must be the whole last segment"),
        ("{x?}/a", "must be at the end"),
        ("{}", "cannot read parameter"),
    ],
)
def test_a_malformed_template_is_refused_by_name(template, reason):
    with pytest.raises(RouteError, match=reason) as refused:
        compile_template(template)
    assert repr(template) in str(refused.value)


def table(*templates):
    return Table([Route(compile_template(text), None, text) for text in templates])


@pytest.mark.parametrize(
    ("path", "winner"),
    [
        ("/a/b", "a/b"),
        ("/a/xb", "a/x{y}"),
        ("/a/5", "a/{id:int}"),
        ("/a/z", "a/{name}"),
        ("/a/z/z", "a/{*rest}"),
        ("/c/b", "{first}/b"),
        ("/c/d", "{*all}"),
        ("/", "{*all}"),
    ],
)
def test_the_most_specific_template_wins_whatever_the_order(path, winner):
    templates = ["{*all}", "a/{*rest}", "a/{name}", "a/{id:int}", "a/x{y}", "a/b", "{first}/b"]
    for order in (templates, templates[::-1]):
        found = table(*order).find("GET", path_segments(path))
        assert isinstance(found, Found)
        assert found.target == winner


def test_a_method_no_route_takes_is_told_from_a_path_no_route_has():
    routes = Table(
        [
            Route(compile_template("a"), frozenset({"GET"}), 1),
            Route(compile_template("a"), frozenset({"POST"}), 2),
            Route(compile_template("{x}"), frozenset({"PUT"}), 3),
        ]
    )
    assert routes.find("POST", ["a"]) == Found(2, {})
    assert routes.find("PUT", ["a"]) == Found(3, {"x": "a"})
    assert routes.find("DELETE", ["a"]) == WrongMethod(frozenset({"GET", "POST", "PUT"}))
    assert routes.find("GET", ["a", "b"]) is None
