"""A run whose starter died between the row and the orchestration is started by the timer."""

import secrets

import psycopg
import pytest

from tests.support.share_tree import put, service


@pytest.mark.slow
def test_a_run_that_nobody_started_is_started(product, api):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    put(service(product.files).get_share_client(name), "a.txt", b"a")
    share = api.new_share(product.files_url, name)
    tenant_id, _, share_id = share.removeprefix("/api/tenants/").partition("/shares/")
    with psycopg.connect(product.postgres_url) as conn:  # what the handler does, and no more
        conn.execute(
            "INSERT INTO run (tenant_id, share_id, run_no, kind, subject, requested_at) "
            "VALUES (%s, %s, 1, 'backup', %s, now() - interval '2 minutes')",
            [tenant_id, share_id, f"{product.files_url.lower()}/{name}"],
        )
    assert api("GET", f"{share}/runs/1")[1]["state"] == "queued"
    assert api.finished(f"{share}/runs/1", seconds=90)["state"] == "succeeded"
