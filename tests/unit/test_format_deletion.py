"""What the vault is told of deletions comes back, and what is no such thing is said to be none."""

import datetime as dt
import json

import pytest

from shared.errors import IntegrityError
from shared.formats import deletion_event
from shared.model.deletion import DeletionEvent, DeletionKind, PurgeOrder
from shared.usecases.open_purge import items
from shared.usecases.purge_pieces import divided

AT = dt.datetime(2026, 11, 29, 14, 5, 6, 7, dt.UTC)
EVENT = DeletionEvent(
    event_no=3,
    kind=DeletionKind.DELETED,
    by="Ada",
    reason="ä",
    at=AT,
    purge_after=AT,
    about={"name": "Größe", "next_run_no": "7"},
)


@pytest.mark.parametrize("kind", DeletionKind)
def test_an_event_comes_back(kind):
    event = DeletionEvent(event_no=1, kind=kind, by="", reason="", at=AT)
    assert deletion_event.decode(deletion_event.encode(event)) == event
    assert deletion_event.decode(deletion_event.encode(EVENT)) == EVENT


@pytest.mark.parametrize(
    "change",
    [
        lambda wire: wire | {"version": 2},
        lambda wire: wire | {"kind": "forgotten"},
        lambda wire: wire | {"at": "2026-11-29T14:05:06"},
        lambda wire: wire | {"about": None},
        lambda wire: {name: value for name, value in wire.items() if name != "by"},
        lambda wire: [wire],
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(change):
    wire = change(json.loads(deletion_event.encode(EVENT)))
    with pytest.raises(IntegrityError, match="cannot be read"):
        deletion_event.decode(json.dumps(wire).encode())


def test_an_order_comes_back_and_takes_what_it_does_not_have():
    order = PurgeOrder(by="a", actor_kind="key", actor_id="1", actor_name="n", name="Finance")
    assert PurgeOrder.from_wire(order.to_wire()) == order
    assert PurgeOrder.from_wire({"by": "a", "of a later release": 1}) == PurgeOrder(by="a")


def test_the_pieces_of_a_purge_are_all_journals_but_its_own_and_every_name_that_a_share_has():
    for run_no in (1, 2, 50, 51, 52, 1_000):
        journals = [no for item in items(run_no) if item.high for no in range(item.low, item.high)]
        assert journals == list(range(1, run_no))
    prefixes = [item.details["prefix"] for item in items(1) if "prefix" in item.details]
    prefixes = [part for prefix in prefixes for part in (divided(prefix) or [prefix])]
    for name in (
        *(
            "point/1.fb",
            "point/1.expired",
            "keep/1/1.json",
            "ledger/2.fb",
            "segment/1/1.fb",
            "bundle/1/1-1.tar.zst",
            "dropped/1/1.fb",
        ),
        *(
            "marks/1/1",
            "permission/1-2",
            "restore/3.jsonl.zst",
            "chunk/0a/0a",
            "chunk/ff/ff",
            "16777216/1",
            "9/1",
            "1/1",
        ),
    ):
        assert len([prefix for prefix in prefixes if name.startswith(prefix)]) == 1, name
    assert divided("1") == ["1/", *(f"1{digit}" for digit in "0123456789")]
    assert divided("123") == divided("point/") == divided("chunk/0a") == []
