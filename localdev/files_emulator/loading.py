"""Open a persistent account: read it back, and sweep what nothing refers to any more."""

import json
from pathlib import Path

from localdev.files_emulator.account import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Account
from localdev.files_emulator.blocks import Block
from localdev.files_emulator.records import (
    deletion_from,
    lease_from,
    node_from,
    policies_from,
    properties_from,
    service_from,
    view_from,
)
from localdev.files_emulator.replay import Replay, Row, first_kept, hidden_rows
from localdev.files_emulator.share import Share, Snapshot
from localdev.files_emulator.store_sqlite import SqliteBlock, SqliteStore
from localdev.files_emulator.synthetic_content import ComputedBlock, is_computed
from localdev.files_emulator.synthetic_tree import computed_directory
from localdev.files_emulator.times import now_ticks
from localdev.files_emulator.tree import ROOT_NUMBER, Directory


def open_account(
    directory: Path, name: str = DEVELOPMENT_ACCOUNT, account_key: str = DEVELOPMENT_KEY
) -> tuple[Account, SqliteStore]:
    """Return the account kept in ``directory``, new if there is none, and its store; its name and key are not kept.

    :raises StoreInUse: another process has it, or it is not one of ours.
    """
    store = SqliteStore(directory)
    account = Account(name, account_key, blocks=store, journal=store)
    for key, sddl in store.db.execute("SELECT key, sddl FROM permission"):
        account.permissions.load(key, sddl)
    blocks: dict[int, SqliteBlock] = {}
    store.db.execute("BEGIN")
    for serial, record in store.db.execute("SELECT serial, record FROM share").fetchall():
        share = _load_share(account, store, serial, record, blocks)
        if share.deletion is None:
            account.shares[share.name] = share
        else:
            account.deleted.load(share)
    for (record,) in store.db.execute("SELECT record FROM service"):
        account.service = service_from(record)
    stored = {row[0] for row in store.db.execute("SELECT id FROM block")}
    store.db.executemany("DELETE FROM block WHERE id = ?", [(id_,) for id_ in stored - blocks.keys()])
    store.db.execute("COMMIT")
    numbers, serials = store.setting("numbers", 0), store.setting("serials", 0)
    account.continue_after(numbers, serials)
    store.continue_after(max(map(abs, stored | blocks.keys()), default=0), numbers, serials)
    account.deleted.all(now_ticks())
    store.commit()
    return account, store


def _load_share(
    account: Account, store: SqliteStore, serial: int, record: str, blocks: dict[int, SqliteBlock]
) -> Share:
    def block(id_: int) -> Block:
        if is_computed(id_):
            return ComputedBlock(id_)
        if id_ not in blocks:
            blocks[id_] = SqliteBlock(store, id_, None)
        return blocks[id_]

    fields = json.loads(record)
    rows: list[Row] = store.db.execute(
        "SELECT born, number, record FROM node WHERE serial = ? ORDER BY born, number", (serial,)
    ).fetchall()
    epochs = sorted({snapshot[1] for snapshot in fields["snapshots"]} | {fields["epoch"]})
    hidden = hidden_rows(rows, epochs)
    store.db.executemany(
        "DELETE FROM node WHERE serial = ? AND number = ? AND born = ?", [(serial, *key) for key in hidden]
    )
    nothing = Directory(ROOT_NUMBER, ROOT_NUMBER, "", -1, 0, "", 0, 0, 0, 0)
    share = Share(
        fields["name"],
        serial,
        properties_from(fields["properties"]),
        nothing,
        store,
        account.take_number,
        policies=policies_from(fields["policies"]),
        deletion=deletion_from(fields.get("deletion")),
        synthetic=view_from(fields.get("synthetic"), account.permissions),
    )
    if share.synthetic is not None:
        share.root = computed_directory(share.synthetic.until(epochs[0]), 0)
    seen = ((first_kept(born, epochs), number, text) for born, number, text in rows if (number, born) not in hidden)
    nodes = (
        (epoch, number, None if text is None else node_from(text, number, epoch, block)) for epoch, number, text in seen
    )
    snapshots = [
        Snapshot(id_, epoch, nothing, properties_from(properties)) for id_, epoch, properties in fields["snapshots"]
    ]
    Replay(share).run(nodes, snapshots, fields["epoch"])
    leases = store.db.execute("SELECT holder, record FROM lease WHERE serial = ?", (serial,))
    share.leases.update(lease_from(*row) for row in leases)
    return share
