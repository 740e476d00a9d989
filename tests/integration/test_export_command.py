"""``python -m localdev export``: what a person asked for is in the file, or the file is as it was and the reason is told."""

import os
import re
import stat

import pytest

from localdev.__main__ import main
from localdev.launcher.addresses import Addresses
from localdev.launcher.state import State
from localdev.services.processes import myself
from tests.support.bare_tree import bare_tree, store
from tests.support.catalogue import directory, page

HEADER = b"node_id,parent_id,name,size,mtime,hash\n"
DIRECTORY = b"33554432,16777216,a,,2,\n33554433,33554432,f000000,10,1700000000,0\n"


@pytest.fixture(scope="module")
def url(postgres_url_module):
    with bare_tree(postgres_url_module) as conn:
        store(conn, [page(1, None, "", 2), page(2, 1, "a", 1)])
        yield postgres_url_module


@pytest.fixture
def export(url, capfdbinary):
    """Run the command on the catalogue of tenant acme with share 7, named s; return its exit code, output and complaints."""

    def run(*words, at=("--url", url)):
        code = main(["export", *map(str, words), *at])
        out, said = capfdbinary.readouterr()
        return code, out, said.decode()

    return run


@pytest.mark.parametrize("share", ["7", "s"])
@pytest.mark.parametrize("below", [("--path", "a"), ("--node", "33554432")])
def test_a_subtree_goes_to_standard_output_and_what_was_done_to_standard_error(export, share, below):
    code, out, said = export("acme", share, "-", "--format", "csv", *below)
    assert (code, out) == (0, HEADER + DIRECTORY)
    assert re.fullmatch(r"2 nodes, 105 bytes, \d+\.\d s\n", said)


def test_the_name_of_the_file_says_the_format_unless_it_is_given(export, tmp_path):
    for name, words in (
        ("x.csv", ()),
        ("x.PARQUET", ()),
        ("x", ("--format", "parquet")),
        ("y.csv", ("--format", "parquet")),
    ):
        code, _, said = export("acme", 7, tmp_path / name, *words)
        assert code == 0, said
    kinds = {file.name: file.read_bytes()[:4] for file in tmp_path.iterdir()}
    assert kinds == {"x.csv": b"node", "x.PARQUET": b"PAR1", "x": b"PAR1", "y.csv": b"PAR1"}


def test_without_an_address_it_is_the_stack_that_runs_here(export, url, tmp_path):
    settings = {"AFB_POSTGRES_URL": url}
    State(launcher=myself(), ready=True, addresses=Addresses(), settings=settings, members=()).write(tmp_path)
    code, out, _ = export("acme", 7, "-", "--format", "csv", "--path", "a", at=("--data", str(tmp_path)))
    assert (code, out) == (0, HEADER + DIRECTORY)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nobody", "7"), "there is no tenant 'nobody'"),
        (("acme", "x"), "tenant 'acme' has no share 'x'; its shares: 7 (s)"),
        (("acme", "7", "--path", "a/b"), "share 7 has nothing at 'a/b'"),
        (("acme", "7", "--node", "0"), "share 7 has no node 0"),
        (
            ("acme", "7", "--path", "a/f000000"),
            f"node {directory(2) | 1} of share 7 is the file 'a/f000000'; expected a directory",
        ),
    ],
)
def test_what_cannot_be_exported_is_told_and_the_file_stays_as_it_was(export, tmp_path, words, reason):
    file = tmp_path / "x.csv"
    file.write_bytes(b"before")
    assert export(*words[:2], file, *words[2:]) == (1, b"", f"error: {reason}\n")
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("x.csv", b"before")]


def test_what_is_missing_on_the_command_line_is_told(export, tmp_path):
    code, _, said = export("acme", 7, "-")
    assert (code, said) == (
        1,
        "error: cannot tell the format of '-'; expected a name that ends in .csv or .parquet, or --format\n",
    )
    code, _, said = export("acme", 7, "x.csv", at=("--data", str(tmp_path)))
    expected = f"error: nothing runs on {tmp_path}; expected a running stack (python -m localdev up), or --url\n"
    assert (code, said) == (1, expected)


def test_a_database_that_does_not_answer_is_told(export, tmp_path):
    code, _, said = export("acme", 7, tmp_path / "x.csv", at=("--url", "postgresql://127.0.0.1:1/x"))
    assert code == 1
    assert said.startswith('error: connection failed: connection to server at "127.0.0.1", port 1 failed')
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_and_not_replaced(export, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert export("acme", 7, pipe, "--format", "csv", "--path", "a")[0] == 0
    assert os.read(reader, 1000) == HEADER + DIRECTORY
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
