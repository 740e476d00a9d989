"""A run whose starter died between the row and the orchestration is started by the timer."""

import secrets

import psycopg
import pytest

from tests.support.share_tree import put, service


def share_with_a_run(product, api, state, epoch):
    """A share whose run 1 is as a handler leaves it that died half-way: the row is there, and no more."""
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    put(service(product.files).get_share_client(name), "a.txt", b"a")
    share = api.new_share(product.files_url, name)
    tenant_id, _, share_id = share.removeprefix("/api/tenants/").partition("/shares/")
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute(
            "INSERT INTO run (tenant_id, share_id, run_no, kind, subject, requested_at, state, epoch) "
            "VALUES (%s, %s, 1, 'backup', %s, now() - interval '2 minutes', %s, %s)",
            [tenant_id, share_id, f"{product.files_url.lower()}/{name}", state, epoch],
        )
    assert api("GET", f"{share}/runs/1")[1]["state"] == state
    return share


@pytest.mark.slow
def test_a_run_that_nobody_started_is_started(product, api):
    lost = [("queued", 0, "succeeded"), ("queued", 1, "succeeded"), ("cancelling", 1, "cancelled")]
    shares = [share_with_a_run(product, api, state, epoch) for state, epoch, _ in lost]
    ended = [api.finished(f"{share}/runs/1", seconds=90)["state"] for share in shares]
    assert ended == [expected for _, _, expected in lost], "new, resumed and cancelled"
