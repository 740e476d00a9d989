"""Bearer tokens such as Microsoft Entra ID issues, signed by nobody, and credentials that hand them out."""

import base64
import json
import time

from azure.core.credentials import AccessToken

TENANT = "11111111-2222-3333-4444-555555555555"
USER = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def _part(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(**claims) -> str:
    """Return a good token, its claims changed as given; ``None`` takes a claim away."""
    now = int(time.time())
    good = {
        "aud": "https://storage.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "oid": USER,
        "tid": TENANT,
    }
    payload = {name: value for name, value in (good | claims).items() if value is not None}
    return ".".join([_part({"typ": "JWT", "alg": "RS256"}), _part(payload), "c2lnbmF0dXJl"])


class Credential:
    """What the SDK takes for a token credential; ``asked`` are the scopes it was asked for."""

    def __init__(self, **claims):
        self.claims = claims
        self.asked = []

    def get_token(self, *scopes, **options):
        self.asked += scopes
        return AccessToken(token(**self.claims), int(time.time()) + 3600)


class AioCredential(Credential):
    async def get_token(self, *scopes, **options):
        return Credential.get_token(self, *scopes, **options)

    async def close(self):
        pass
