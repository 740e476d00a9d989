"""Our SharedKey agrees with the SDK's on every request Hypothesis imagines; a SAS survives being pasted."""

import asyncio
import string
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.fileshare._shared.authentication import SharedKeyCredentialPolicy
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.credentials import AccountKey, Bearer, Sas
from shared.adapters.files_http import share_path
from shared.adapters.signing import NO_QUERY, SharedKey, account_of, query, signer
from shared.adapters.system import SystemClock
from shared.errors import InvalidInput

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

names = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\/:|<>*?', exclude_categories=("C",)), min_size=1
).filter(lambda name: name not in (".", ".."))
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
values = st.text(string.ascii_letters + string.digits + " .,;=+/%!'()é中", max_size=20).map(str.strip)
metadata = st.dictionaries(identifiers, values, max_size=6).filter(
    lambda found: len({name.lower() for name in found}) == len(found)
)


def sdk_signature(method, url, parameters, headers):
    """What the SDK's policy puts in Authorization for the same request."""
    request = HttpRequest(method, url, headers=dict(headers))
    request.format_parameters({name: quote(value, safe="") for name, value in parameters.items()})
    context = SimpleNamespace(transport=None)
    SharedKeyCredentialPolicy("acct", KEY).on_request(SimpleNamespace(http_request=request, context=context))
    return request.headers["Authorization"]


def ours(method, path, parameters, headers, length):
    async def sign():
        sent = dict(headers)
        await SharedKey("acct", KEY).sign(method, path, query(**parameters) if parameters else NO_QUERY, sent, length)
        return sent["Authorization"]

    return asyncio.run(sign())


@given(
    st.sampled_from(["GET", "PUT", "HEAD"]),
    st.lists(names, max_size=3),
    st.sampled_from(
        [
            {},
            {"sharesnapshot": "2022-10-05T22:14:14.0000000Z"},
            {"restype": "directory", "comp": "list", "include": "Timestamps,ETag", "marker": "1!8!Zm+/=="},
        ]
    ),
    metadata,
    st.integers(0, 3),
)
def test_sharedkey_is_what_the_sdk_computes_for_the_same_request(method, path, parameters, meta, length):
    headers = {
        "x-ms-date": "Wed, 28 Sep 2022 21:24:10 GMT",
        "x-ms-version": "2026-10-06",
        "x-ms-file-creation-time": "2022-09-28T21:24:10.5185260Z",
        "x-ms-file-change-time": "2022-09-28T21:24:10.5185260Z",
        **{f"x-ms-meta-{name}": value for name, value in meta.items()},
    }
    if length:
        headers |= {"Content-Type": "application/json", "If-None-Match": "*"}
    where = share_path("share", "/".join(path))
    with_length = headers | {"Content-Length": str(length)}
    expected = sdk_signature(method, f"https://acct.file.core.windows.net{where}", parameters, with_length)
    assert ours(method, where, parameters, headers, length) == expected


def test_metadata_names_are_sorted_as_the_service_sorts_them():
    headers = {f"x-ms-meta-{name}": name for name in ("ab", "a1", "a_b", "A_a")}
    expected = sdk_signature("PUT", "https://acct.file.core.windows.net/s/f", {}, headers)
    assert ours("PUT", "/s/f", {}, headers, 0) == expected


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://acct.file.core.windows.net", "acct"),
        ("https://acct.file.core.windows.net/", "acct"),
        ("http://127.0.0.1:10004/devstoreaccount1", "devstoreaccount1"),
        ("http://localhost:10004/devstoreaccount1/", "devstoreaccount1"),
        ("http://acct.file.localhost:10004", "acct"),
        ("http://[::1]:10004/one", "one"),
    ],
)
def test_the_account_is_in_the_host_or_for_an_address_in_the_path(url, account):
    assert account_of(url) == account


@pytest.mark.parametrize("pasted", ["sv=2024-11-04&sp=rl&sig=a%2Bb%2F%3D", "?sv=2024-11-04&sp=rl&sig=a+b/="])
async def test_a_sas_means_the_same_however_much_of_it_was_decoded(pasted):
    sign = signer(Sas(pasted.removeprefix("?")), "https://acct.file.core.windows.net", SystemClock()).sign
    text = await sign("GET", "/s", query(comp="list"), {}, 0)
    assert parse_qsl(text) == [("comp", "list"), ("sv", "2024-11-04"), ("sp", "rl"), ("sig", "a+b/=")]


class CountingIdentity:
    """A token source in memory: azure-identity's contract, a new token each time."""

    def __init__(self, life_s):
        self.asked, self.life_s = 0, life_s

    async def get_token(self, *scopes):
        assert scopes == ("https://storage.azure.com/.default",)
        self.asked += 1
        await asyncio.sleep(0)
        return SimpleNamespace(token=f"t{self.asked}", expires_on=SystemClock().now().timestamp() + self.life_s)


async def test_a_token_is_asked_for_once_and_renewed_before_it_ends():
    for life_s, asked in ((3600, 1), (299, 4)):
        identity = CountingIdentity(life_s)
        bearer = signer(Bearer(identity), "https://acct.file.core.windows.net", SystemClock())
        sent = [{} for _ in range(4)]
        await asyncio.gather(*[bearer.sign("GET", "/s", NO_QUERY, headers, 0) for headers in sent])
        assert identity.asked == asked
        assert sent[-1]["Authorization"] == f"Bearer t{asked}"


def test_a_token_is_not_sent_in_the_clear():
    from shared.adapters.files_http import FilesHttp
    from shared.adapters.metering import Meter

    with pytest.raises(InvalidInput, match="needs https for managed identity"):
        FilesHttp("http://127.0.0.1/devstoreaccount1", Bearer(CountingIdentity(1)), meter=Meter())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/acct.file.core.windows.net",
        "https://acct.file.core.windows.net.evil.example",
        "https://evilcore.windows.net",
        "https://acct.file.core.windows.net@evil.example",
        "https://10.0.0.4",
    ],
)
def test_a_token_is_sent_to_nobody_but_azure_storage(url):
    from shared.adapters.files_http import FilesHttp
    from shared.adapters.metering import Meter

    with pytest.raises(InvalidInput, match="none of Azure Storage's"):
        FilesHttp(url, Bearer(CountingIdentity(1)), meter=Meter())


def test_secrets_are_not_shown():
    assert "Eby8" not in repr(AccountKey(KEY))
    assert "sig" not in repr(Sas("sv=1&sig=abc"))
