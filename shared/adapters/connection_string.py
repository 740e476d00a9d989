"""Storage connection strings: where a service is and the secret for it."""

from typing import Final

from shared.adapters.credentials import AccountKey, Sas
from shared.errors import InvalidInput

DEVELOPMENT_ACCOUNT: Final = "devstoreaccount1"
DEVELOPMENT_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DEVELOPMENT_PORTS: Final = {"blob": 10000, "queue": 10001, "table": 10002}


def parse(connection: str, service: str) -> tuple[str, AccountKey | Sas]:
    """The endpoint of ``service`` (``blob``, ``table``...) and the secret.

    :raises InvalidInput: it names no endpoint or no secret; the message does not show the string.
    """
    parts = dict(part.strip().split("=", 1) for part in connection.split(";") if "=" in part)
    named = {name.lower(): value for name, value in parts.items()}
    if named.get("usedevelopmentstorage", "").lower() == "true" and service in _DEVELOPMENT_PORTS:
        url = f"http://127.0.0.1:{_DEVELOPMENT_PORTS[service]}/{DEVELOPMENT_ACCOUNT}"
        return url, AccountKey(DEVELOPMENT_KEY, DEVELOPMENT_ACCOUNT)
    account, key, sas = (named.get(n, "") for n in ("accountname", "accountkey", "sharedaccesssignature"))
    url = named.get(f"{service}endpoint", "")
    if not url and account:
        protocol = named.get("defaultendpointsprotocol", "https")
        url = f"{protocol}://{account}.{service}.{named.get('endpointsuffix', 'core.windows.net')}"
    if not url:
        raise InvalidInput(f"connection string names no {service} endpoint: expected AccountName or {service}endpoint")
    if account and key:
        return url, AccountKey(key, account)
    if sas:
        return url, Sas(sas.removeprefix("?"))
    raise InvalidInput("connection string has no secret: expected AccountName and AccountKey, or SharedAccessSignature")
