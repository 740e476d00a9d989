"""https with a certificate that signs itself, and bearer tokens over it: the SDK, sync and aio, as its users set it up."""

import random
import socket
import ssl
import stat
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.fileshare import (
    ShareClient,
    ShareServiceClient,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)
from azure.storage.fileshare.aio import ShareServiceClient as AioShareServiceClient

from tests.support.files_emulator import ACCOUNT, KEY, RawClient, running
from tests.support.tokens import TENANT, USER, AioCredential, Credential, token

NOW, MINUTE = datetime.now(UTC), timedelta(minutes=1)
SOON = NOW + 60 * MINUTE


@pytest.fixture(scope="module")
def emulator():
    with running("--tls") as emulator:
        yield emulator


def service(emulator, credential=KEY, **options):
    if not isinstance(credential, str):
        options.setdefault("token_intent", "backup")
    return ShareServiceClient(
        emulator.url, credential=credential, retry_total=0, connection_verify=str(emulator.certificate), **options
    )


@pytest.fixture
def share(emulator, request):
    with service(emulator) as client:
        share = client.create_share(f"s{random.getrandbits(40)}")
        yield share.share_name
        share.delete_share(delete_snapshots=True)


def test_large_files_go_up_and_down_through_tls(emulator, share):
    data = random.Random(1).randbytes(64 << 20)
    with service(emulator) as client:
        file = client.get_share_client(share).get_file_client("large")
        file.upload_file(data, max_concurrency=2)
        assert file.download_file(max_concurrency=2).readall() == data
        # One reply of 64 MiB: the emulator must not run ahead of a client that reads slowly.
        answer = emulator.raw.get(f"{share}/large")
        assert answer.body == data


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp, of how the SDK sends a range
async def test_the_aio_sdk_reads_and_writes_through_tls(emulator, share):
    options = {"token_intent": "backup", "retry_total": 0, "connection_verify": str(emulator.certificate)}
    data = random.Random(2).randbytes((9 << 20) + 1)
    async with AioShareServiceClient(emulator.url, credential=AioCredential(), **options) as client:
        directory = await client.get_share_client(share).create_directory("d")
        file = directory.get_file_client("f")
        await file.upload_file(data)
        assert await (await file.download_file()).readall() == data
        assert [item.name async for item in directory.list_directories_and_files()] == ["f"]


def test_http_on_a_port_of_https_gets_no_answer(emulator):
    plain = RawClient(emulator.port)
    with pytest.raises(OSError):  # noqa: PT011 - reset or closed, in whichever words
        plain.get("share")
    plain.close()


@pytest.mark.parametrize("host", ["localhost", f"{ACCOUNT}.file.localhost"])
def test_the_certificate_is_good_for_host_style_names(emulator, host):
    context = ssl.create_default_context(cafile=emulator.certificate)
    plain = socket.create_connection(("127.0.0.1", emulator.port), 10)
    with plain, context.wrap_socket(plain, server_hostname=host) as connection:
        sas = generate_account_sas(ACCOUNT, KEY, "s", "l", SOON)
        path = "/" if host.startswith(ACCOUNT) else f"/{ACCOUNT}/"
        connection.sendall(f"GET {path}?comp=list&{sas} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert reply.startswith(b"HTTP/1.1 200")
    assert f'ServiceEndpoint="https://{host}'.encode() in reply


def test_a_certificate_is_kept_with_the_data_and_only_its_owner_reads_the_key(tmp_path):
    seen = []
    for _ in range(2):
        with running("--tls", "--data", str(tmp_path)) as emulator:
            assert emulator.certificate == tmp_path / "cert.pem"
            assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
            seen.append(emulator.certificate.read_bytes())
            with service(emulator) as client:
                assert list(client.list_shares()) == []
    assert seen[0] == seen[1]
    with running("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")) as emulator:
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(emulator.url, context=context)


def test_a_bearer_token_manages_shares_and_files(emulator):
    credential = Credential()
    with service(emulator, credential, allow_trailing_dot=True) as client:
        share = client.create_share("bearer")
        assert [found.name for found in client.list_shares(name_starts_with="bearer")] == ["bearer"]
        directory = share.create_directory("d")
        file = directory.get_file_client("f")
        file.upload_file(b"hello")
        key = share.create_permission_for_share("O:SYG:SYD:(A;;FA;;;SY)")
        assert share.get_permission_for_share(key).startswith("O:SYG:SYD:")
        copy = directory.get_file_client("copy")
        assert copy.start_copy_from_url(file.url)["copy_status"] == "success"
        copy.upload_range_from_url(file.url, 0, 2, 3, source_authorization=f"Bearer {token()}")
        assert copy.download_file().readall() == b"lollo"
        assert copy.rename_file("d/renamed").download_file().readall() == b"lollo"
        share.delete_share()
    assert set(credential.asked) == {"https://storage.azure.com/.default"}


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"exp": 1}, "Lifetime validation failed. The token is expired."),
        ({"aud": "https://vault.azure.net"}, "Audience validation failed. Audience did not match."),
    ],
)
def test_a_refused_token_is_a_401_that_says_why_and_where_to_get_another(emulator, share, claims, detail):
    with service(emulator, Credential(**claims)) as client, pytest.raises(ClientAuthenticationError) as caught:
        client.get_share_client(share).get_directory_client("").get_directory_properties()
    assert (caught.value.status_code, caught.value.error_code) == (401, "InvalidAuthenticationInfo")
    assert detail in str(caught.value)
    challenge = caught.value.response.headers["WWW-Authenticate"]
    assert challenge == (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize"
        " resource_id=https://storage.azure.com"
    )


def test_a_user_delegation_key_signs_sas_of_shares_and_files(emulator, share):
    with service(emulator) as client:
        client.get_share_client(share).get_file_client("f").upload_file(b"hello")
    with service(emulator, Credential()) as client:
        keys = [client.get_user_delegation_key(start=NOW, expiry=end) for end in (SOON, SOON, SOON + 9 * MINUTE)]
    key = keys[0]
    assert (key.signed_oid, key.signed_tid, key.signed_service) == (USER, TENANT, "f")
    assert key.value == keys[1].value != keys[2].value
    of_share = generate_share_sas(ACCOUNT, share, user_delegation_key=key, permission="rl", expiry=SOON)
    of_file = generate_file_sas(ACCOUNT, share, ["f"], user_delegation_key=key, permission="r", expiry=SOON)
    for sas in (of_share, of_file):
        options = {"connection_verify": str(emulator.certificate), "retry_total": 0}
        with ShareClient(emulator.url, share, credential=sas, **options) as client:
            assert client.get_file_client("f").download_file().readall() == b"hello"
            with pytest.raises(HttpResponseError) as caught:
                client.get_file_client("f").delete_file()
            assert caught.value.error_code == "AuthorizationPermissionMismatch"


def test_a_user_delegation_key_lasts_seven_days_at_most(emulator):
    with service(emulator, Credential()) as client, pytest.raises(HttpResponseError) as caught:
        client.get_user_delegation_key(start=NOW, expiry=NOW + timedelta(days=8))
    assert caught.value.error_code == "InvalidXmlNodeValue"


def test_a_user_delegation_key_is_for_holders_of_tokens(emulator):
    with service(emulator) as client, pytest.raises(HttpResponseError) as caught:
        client.get_user_delegation_key(start=NOW, expiry=SOON)
    assert caught.value.error_code == "AuthenticationFailed"
    assert "Only authentication scheme Bearer is supported" in str(caught.value)


def test_two_emulators_can_be_two_accounts():
    other = "b3RoZXIga2V5"
    with running("--account", "second", "--key", other) as emulator:
        assert emulator.url.endswith("/second")
        with ShareServiceClient(emulator.url, credential=other) as client:
            client.create_share("share")
            assert [share.name for share in client.list_shares()] == ["share"]
        for url, key in [(emulator.url, KEY), (emulator.url.replace("second", ACCOUNT), other)]:
            with ShareServiceClient(url, credential=key, retry_total=0) as client, pytest.raises(HttpResponseError):
                client.create_share("refused")
