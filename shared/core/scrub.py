"""Take secrets out of text that is for logs and audits.

What no log should hold is known by its form: keys and signatures of storage accounts, connection strings, tokens, passwords in addresses, our
own API keys and download links, function keys. What was taken out leaves its name, so that a line still says what it is about.
"""

import re
from collections.abc import Collection
from typing import Final

GONE: Final = "[secret]"

_VALUE: Final = r"[^\s\"'&;,<>\\]+"
_PATTERNS: Final = (
    # The id of an API key is no secret, and tells which one it was.
    (re.compile(r"\b(afb_[0-9a-f]{12}_)[0-9A-Za-z]{8,}"), rf"\1{GONE}"),
    (re.compile(r"(?i)\b((?:Bearer|SharedKey(?:Lite)?|Basic|Negotiate)\s+)[A-Za-z0-9._~+/=:-]{8,}"), rf"\1{GONE}"),
    # JSON web tokens, wherever they stand.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"), GONE),
    # SAS signatures, function keys and the like, in addresses and in connection strings.
    (re.compile(rf"(?i)([?&](?:sig|code|x-functions-key|client_secret)(?:=|%3d)){_VALUE}"), rf"\1{GONE}"),
    (re.compile(rf"(?i)\b((?:sig|client_secret)[\"']?\s*[=:]\s*[\"']?){_VALUE}"), rf"\1{GONE}"),
    (
        re.compile(
            rf"(?i)\b(AccountKey|SharedAccessSignature|SharedAccessKey|InstrumentationKey)(\s*=\s*){_VALUE}(?:&{_VALUE})*"
        ),
        rf"\1\2{GONE}",
    ),
    (
        re.compile(
            r"(?i)\b(x-functions-key|x-ms-client-principal|x-ms-token-[a-z-]+|authorization|cookie)([\"']?\s*[:=]\s*[\"']?)(?!\[secret\])[^\s\"',]+"
        ),
        rf"\1\2{GONE}",
    ),
    # libpq: in an address, and as words.
    (re.compile(r"(?i)\b((?:postgres(?:ql)?|https?|amqps?|redis)://[^\s:/@\"']*:)[^\s/\"']+@"), rf"\1{GONE}@"),
    (re.compile(rf"(?i)\b(password|passwd|pwd)([\"']?\s*[=:]\s*[\"']?){_VALUE}"), rf"\1\2{GONE}"),
    (re.compile(r"(/download/)[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+)?"), rf"\1{GONE}"),
    # Keys of storage accounts and of functions: 64, and 40 to 42, random bytes in base 64.
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"), GONE),
    (re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9_-]{52,56}=="), GONE),
)


def scrubbed(text: str, known: Collection[str] = ()) -> str:
    """``text`` without what is ``known`` to be secret and what looks like it."""
    for secret in known:
        text = text.replace(secret, GONE)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
