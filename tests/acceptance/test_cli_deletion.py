"""``afb`` deletes shares and tenants, brings them back, and purges them when their name is typed."""

import secrets

import psycopg
import pytest

from tests.support.afb import Afb
from tests.support.share_tree import put, service


@pytest.fixture
def afb(product, tmp_path):
    return Afb(product, tmp_path)


def its_time_has_come(product, tenant):
    """The grace of what is deleted of a tenant is over."""
    with psycopg.connect(product.postgres_url) as conn:
        for table in ("share", "tenant"):
            conn.execute(
                f"UPDATE {table} SET purge_after = now() WHERE tenant_id = %s AND deleted_at IS NOT NULL", [tenant]
            )


def test_from_delete_to_purge(afb, product):
    tenant, called = f"t{secrets.token_hex(6)}", f"Contoso {secrets.token_hex(4)}"
    afb("tenants", "add", called, "--id", tenant)
    for name in ("one", "two"):
        azure = f"share-{secrets.token_hex(5)}"
        service(product.files).create_share(azure)
        put(service(product.files).get_share_client(azure), "a.txt", b"a")
        afb(
            "shares",
            "add",
            f"{product.files_url}/{azure}",
            "--tenant",
            tenant,
            "--name",
            name,
            "--credential",
            "devstore",
        )
        afb("backup", f"{tenant}/{name}", "--follow")
    one = f"{tenant}/one"

    def names(*options):
        return [share["name"] for share in afb.lines("shares", "list", "--tenant", tenant, *options)]

    assert "nobody to ask" in afb("shares", "delete", one, code=1).stderr
    assert "it may be purged from 20" in afb("shares", "delete", one, "--reason", "moved", "--yes").stdout
    assert (names(), names("--deleted")) == (["two"], ["one", "two"])
    assert afb.json("shares", "show", one)["deletion"]["reason"] == "moved"
    refused = afb("backup", one, code=5)
    assert "was deleted" in refused.stderr
    assert "/undelete" in refused.stderr
    assert [point["restore_point"] for point in afb.lines("points", "list", one)] == [1]
    assert "not deleted any more" in afb("shares", "undelete", one).stdout
    afb("shares", "delete", one, "--yes")
    assert "can be brought back until 20" in afb("shares", "purge", one, "--confirm", "one", code=5).stderr
    its_time_has_come(product, tenant)
    assert "--confirm 'one'" in afb("shares", "purge", one, code=2).stderr
    assert "confirm" in afb("shares", "purge", one, "--confirm", "two", code=2).stderr
    assert "is purged" in afb("shares", "purge", one, "--confirm", "one", "--follow").stdout
    assert names("--deleted") == ["two"]
    afb("shares", "show", one, code=4)

    afb("tenants", "delete", called, "--yes", "--reason", "contract ended")
    assert tenant in [found["tenant_id"] for found in afb.lines("tenants", "list", "--deleted")]
    assert "not deleted any more" in afb("tenants", "undelete", tenant).stdout
    afb("tenants", "delete", tenant, "--yes")
    its_time_has_come(product, tenant)
    afb("tenants", "purge", tenant, "--confirm", "Contoso", "--follow", code=2)
    assert "is purged" in afb("tenants", "purge", tenant, "--confirm", called, "--follow").stdout
    afb("tenants", "show", tenant, code=4)
    assert "PURGED" in afb("audit", "--platform").stdout
