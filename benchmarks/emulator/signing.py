"""Signatures for requests, written from the protocol's description."""

import base64
import hmac
import time
from email.utils import formatdate
from urllib.parse import quote, urlencode

ACCOUNT = "devstoreaccount1"
KEY = base64.b64decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
VERSION = "2026-02-06"

_LIFE_S = 6 * 3600


def account_sas() -> str:
    """Return the query of an account SAS that allows everything on files, for some hours."""
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _LIFE_S))
    fields = {"sp": "rwdlc", "ss": "f", "srt": "sco", "st": "", "se": expiry, "sip": "", "spr": "", "sv": "2022-11-02"}
    text = "\n".join([ACCOUNT, *fields.values(), "", ""])
    return urlencode({**{name: value for name, value in fields.items() if value}, "sig": _hmac(text)}, quote_via=quote)


def shared_key_headers(method: str, path: str, host: str) -> dict[str, str]:
    """Return the headers that authorise a request without a query and a body by SharedKey, for 15 minutes."""
    dated = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
    ours = "".join(f"{name}:{value}\n" for name, value in dated.items())
    text = method + "\n" * 12 + ours + f"/{ACCOUNT}{path}"
    return {"Host": host, **dated, "Authorization": f"SharedKey {ACCOUNT}:{_hmac(text)}"}


def _hmac(text: str) -> str:
    return base64.b64encode(hmac.digest(KEY, text.encode(), "sha256")).decode()
