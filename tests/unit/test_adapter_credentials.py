"""Names of credentials and connection strings become secrets, or an error that says what to set."""

import pytest

from shared.adapters import connection_string
from shared.adapters.credentials import AccountKey, Bearer, Credentials, Sas
from shared.errors import InvalidInput

KEY = "QUJDREVGRw=="
SAS = "sv=2024-11-04&ss=f&sig=abc%3D"


@pytest.mark.parametrize("name", ["files-eu.1", "FILES_EU_1", "Files-EU-1"])
def test_a_name_finds_its_setting_in_any_spelling(name):
    assert Credentials({"FILES_EU_1": KEY}).resolve(name) == AccountKey(KEY)


@pytest.mark.parametrize("text", [SAS, f"?{SAS}", f" {SAS}\n"])
def test_a_sas_is_told_from_a_key(text):
    assert Credentials({"A": text}).resolve("a") == Sas(SAS)


@pytest.mark.parametrize("name", ["", "managed-identity"])
async def test_no_name_is_the_identity_of_the_process_and_there_is_one(name):
    credentials = Credentials({})
    try:
        assert isinstance(credentials.resolve(name), Bearer)
        assert credentials.resolve(name) is credentials.identity()
    finally:
        await credentials.aclose()


def test_an_unknown_name_says_which_setting_would_define_it():
    with pytest.raises(InvalidInput, match=r"'files-eu'.*AFB_CREDENTIAL_FILES_EU") as caught:
        Credentials({}).resolve("files-eu")
    assert caught.value.field == "credential"


@pytest.mark.parametrize("text", ["secret!", "https://x/?sv=1", "a=b"])
def test_a_secret_that_is_neither_is_refused_without_being_shown(text):
    with pytest.raises(InvalidInput, match="AFB_CREDENTIAL_A is neither") as caught:
        Credentials({"A": text}).resolve("a")
    assert text not in str(caught.value)


def test_a_connection_string_gives_endpoint_and_secret():
    public = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.windows.net"
    assert connection_string.parse(public, "blob") == ("https://acct.blob.core.windows.net", AccountKey(KEY, "acct"))
    spelled = f"AccountName=a;AccountKey={KEY};TableEndpoint=http://127.0.0.1:1/a;"
    assert connection_string.parse(spelled, "table") == ("http://127.0.0.1:1/a", AccountKey(KEY, "a"))
    signed = f"BlobEndpoint=https://x.example/;SharedAccessSignature={SAS}"
    assert connection_string.parse(signed, "blob") == ("https://x.example/", Sas(SAS))
    url, _ = connection_string.parse("UseDevelopmentStorage=true", "table")
    assert url == "http://127.0.0.1:10002/devstoreaccount1"


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no blob endpoint"), ("AccountName=a", "no secret"), (f"AccountKey={KEY}", "no blob endpoint")],
)
def test_a_useless_connection_string_is_refused_without_being_shown(text, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        connection_string.parse(text, "blob")
    assert KEY not in str(caught.value)
