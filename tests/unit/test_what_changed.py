"""Values before and after, as the pages of versions and differences tell them."""

from http_api.models.nodes import Node, Posix
from http_api.pages.what_changed import Fact, facts

NODE = Node(
    node_id=1,
    name="a.txt",
    kind="file",
    size=10,
    created="2020-01-01T00:00:00.0000000Z",
    written="2020-01-01T00:00:00.0000000Z",
    changed="2020-01-01T00:00:00.0000000Z",
    attributes=["READ_ONLY"],
    permission="1*2",
    posix=None,
    links_to=None,
    metadata={"Owner": "finance"},
    content_type=None,
    digest="aa",
    quickxor=None,
    saved_run=1,
    state="saved",
)


def test_only_what_differs_is_told():
    after = NODE.model_copy(
        update={
            "name": "b.txt",
            "size": 20,
            "written": "2020-01-01T00:00:00.0000001Z",
            "attributes": ["READ_ONLY", "HIDDEN"],
            "metadata": {"Owner": "legal", "Colour": "red"},
        }
    )
    assert facts(NODE, after) == [
        Fact("Name", "a.txt", "b.txt"),
        Fact("Size", "10", "20", "size"),
        Fact("Written", NODE.written, after.written, "time"),
        Fact("Attributes", "read only", "read only, hidden"),
        Fact("Metadata Colour", "", "red"),
        Fact("Metadata Owner", "finance", "legal"),
    ]


def test_nothing_is_told_of_one_state_alone_or_of_equal_ones():
    assert facts(None, NODE) == facts(NODE, None) == facts(NODE, NODE) == []


def test_owners_of_an_nfs_share_are_told():
    before = NODE.model_copy(update={"attributes": None, "posix": Posix(owner=0, group=5, mode="0644")})
    after = before.model_copy(update={"posix": Posix(owner=7, group=5, mode="0600")})
    assert facts(before, after) == [Fact("Owner", "0", "7"), Fact("Mode", "0644", "0600")]
