"""Somebody who calls the API, as whoever they say."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit


@dataclass(frozen=True)
class Answered:
    """An answer."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass(frozen=True)
class Caller:
    """Sends the same headers with every request."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + quote(path, safe="/?&=%~:@+,;'"), data=data, method=method)
        for name, value in {"Content-Type": "application/json", **self.headers}.items():
            request.add_header(name, value)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=60) as response:
                return Answered(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answered(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def with_key(self, key: str) -> "Caller":
        return Caller(self.url, {"Authorization": f"Bearer {key}"})

    def signed_in(self, object_id: str, tenant_id: str, *, groups: tuple[str, ...] = (), name: str = "Ada") -> "Caller":
        """By App Service authentication, from the app's own pages."""
        origin = f"https://{urlsplit(self.url).netloc}"
        return Caller(
            self.url, {"X-MS-CLIENT-PRINCIPAL": principal(object_id, tenant_id, groups, name), "Origin": origin}
        )


def principal(object_id: str, tenant_id: str, groups: tuple[str, ...] = (), name: str = "Ada") -> str:
    """What App Service authentication writes about somebody."""
    schema = "http://schemas.microsoft.com/identity/claims/"
    claims = [(schema + "objectidentifier", object_id), (schema + "tenantid", tenant_id), ("name", name)]
    claims += [("groups", group) for group in groups]
    told = {
        "auth_typ": "aad",
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
        "name_typ": "",
        "role_typ": "",
    }
    return base64.b64encode(json.dumps(told).encode()).decode()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
