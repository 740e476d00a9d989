"""Rules say of every path what git says, and what pathspec says when it is asked on the way down."""

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from shared.core.rules import BadRule, Rules, parse

# Few letters, so that patterns meet paths.
_name = st.text(st.sampled_from("abB.~"), min_size=1, max_size=3).filter(lambda n: n.strip(".") != "")
_part = st.lists(
    st.sampled_from(["a", "b", "B", ".", "~", "*", "?", "[ab]", "[!a]", "[a-b]", "\\a", "\\*"]), min_size=1, max_size=4
).map("".join)
_parts = st.lists(_part | st.just("**"), min_size=1, max_size=4)


@st.composite
def _lines(draw, negation=True, odd=True):
    lines = []
    for parts in draw(st.lists(_parts, min_size=1, max_size=6)):
        if not odd and (any("[!" in part for part in parts) or parts[-1] == "**"):
            continue  # where pathspec is not like git: a set that matches a slash, "a/**/" that matches files
        line = draw(st.sampled_from(["", "/"])) + "/".join(parts) + draw(st.sampled_from(["", "", "/"]))
        line = draw(st.sampled_from(["", "", "!"])) + line if negation else line
        try:
            parse([line])
        except BadRule:
            continue
        lines.append(line)
    return lines


_paths = st.lists(st.lists(_name, min_size=1, max_size=4), min_size=1, max_size=8)


def tree(paths):
    """Path to whether it is a directory, parents first; a name is one or the other."""
    found = {}
    for parts in paths:
        for n in range(1, len(parts) + 1):
            path = "/".join(parts[:n])
            found[path] = found.get(path, False) or n < len(parts)
    return dict(sorted(found.items()))


def kept(rules, nodes):
    """What a walk from the root down keeps."""
    keeps = {"": True}
    for path, is_directory in nodes.items():
        parent, _, name = path.rpartition("/")
        keeps[path] = keeps[parent] and rules.within(parent).keeps(name, is_directory)
    del keeps[""]
    return keeps


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository of git's, and what it says of some paths under some rules."""
    root = tmp_path_factory.mktemp("repository")
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True, env=environment)

    def keeps(lines, nodes):
        for old in root.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        (root / ".git" / "info" / "exclude").write_text("\n".join(lines) + "\n")
        for path, is_directory in nodes.items():
            (root / path).mkdir() if is_directory else (root / path).touch()
        done = subprocess.run(
            ["git", "-c", "core.ignorecase=false", "check-ignore", "-z", "--no-index", "--stdin"],
            cwd=root,
            input="\0".join(nodes).encode(),
            capture_output=True,
            env=environment,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        ignored = set(done.stdout.decode().split("\0"))
        return {path: path not in ignored for path in nodes}

    return keeps


def pathspecs_own(lines, nodes):
    """Of files: without negation, what is below a directory that matches is matched by its whole path."""
    spec = GitIgnoreSpec.from_lines(lines)
    return {path: spec.match_file(path) for path, is_directory in nodes.items() if not is_directory}


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_lines(), paths=_paths)
def test_a_walk_keeps_what_git_would_track(repository, lines, paths):
    nodes = tree(paths)
    assert kept(Rules(lines), nodes) == repository(lines, nodes)


@settings(max_examples=200, deadline=None)
@given(_lines(negation=False, odd=False), _paths)
def test_a_walk_keeps_what_pathspec_does_not_match(lines, paths):
    matched = pathspecs_own(lines, tree(paths))
    keeps = kept(Rules(lines), tree(paths))
    assert {path: keeps[path] for path in matched} == {path: not found for path, found in matched.items()}


@settings(max_examples=200, deadline=None)
@given(_lines(negation=False, odd=False).filter(bool), _paths)
def test_included_files_are_those_that_pathspec_matches_and_the_way_to_them_is_kept(lines, paths):
    matched = pathspecs_own(lines, tree(paths))
    keeps = kept(Rules(include=lines), tree(paths))
    assert {path: keeps[path] for path in matched} == matched


@settings(max_examples=150, deadline=None)
@given(_lines(), _lines(negation=False), _paths)
def test_without_regard_to_case_is_the_same_in_small_letters(exclude, include, paths):
    nodes = tree(paths)
    small = [[line.lower() for line in lines] for lines in (exclude, include)]
    expected = kept(Rules(*small), tree([[name.lower() for name in parts] for parts in paths]))
    found = kept(Rules(exclude, include, ignore_case=True), nodes)
    folded = tree([[name.lower() for name in parts] for parts in paths])
    for path, keeps in found.items():
        if nodes[path] == folded[path.lower()]:
            assert keeps == expected[path.lower()]


@settings(max_examples=200, deadline=None)
@given(_lines(), _lines(negation=False), _lines(), st.lists(_name, max_size=3), st.lists(_name, max_size=3))
def test_equal_digests_mean_equal_decisions(exclude, include, other, here, there):
    """What a fingerprint is made with tells everything that decided what is in a directory's page."""
    a = Rules(exclude, include).within("/".join(here))
    for b in (Rules(exclude, include).within("/".join(there)), Rules(other, include).within("/".join(here))):
        if a.digest == b.digest:
            for name in ("a", "b", "ab", "a.b", "~", "B"):
                for is_directory in (False, True):
                    assert a.keeps(name, is_directory) == b.keeps(name, is_directory)
