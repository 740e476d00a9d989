"""A list of so many shares that they are not looked at for each request."""

import re
import secrets
import urllib.request

import psycopg

from http_api.pages.share_list import MANY


def page(product, path):
    with urllib.request.urlopen(f"{product.host_url}{path}", timeout=30) as answer:
        return answer.read().decode()


def test_whoever_changes_something_sees_it_in_the_list_at_once(product, api):
    tenant_id = f"long-{secrets.token_hex(4)}"
    assert api("POST", "/api/tenants", {"tenant_id": tenant_id, "name": "Long list"})[0] == 201
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute(
            "INSERT INTO share (tenant_id, name, account_url, share_name, credential)"
            " SELECT %s, 'share ' || to_char(n, 'FM0000'), 'https://example.file.core.windows.net', %s || n, ''"
            " FROM generate_series(1, %s) AS n",
            [tenant_id, tenant_id, MANY],
        )
    path = f"/tenants/{tenant_id}?sort=name"
    first = page(product, path)
    assert "share 0001" in first
    assert f"share {MANY:04d}" not in first, "the list has parts"
    seen, more = first, re.search(r'hx-get="([^"]*after=[^"]*)"', first)
    while more:
        following = page(product, more[1].replace("&amp;", "&"))
        seen += following
        more = re.search(r'hx-get="([^"]*after=[^"]*)"', following)
    assert all(f"share {n:04d}" in seen for n in range(1, MANY + 1))
    new = {
        "name": "added now",
        "account_url": product.files.url,
        "share_name": "added",
        "credential": "devstore",
    }
    assert api("POST", f"/api/tenants/{tenant_id}/shares", new)[0] == 201
    assert "added now" in page(product, path)
