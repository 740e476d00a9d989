"""Which addresses webhooks may be posted to."""

import pytest

from shared.core.webhook_url import check_url, is_public
from shared.errors import InvalidInput


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a",
        "ftp://hooks.example.com/a",
        "https://",
        "https://user@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com/#x",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/a b",
        "https://hooks.exa\nmple.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "http://127.0.0.1/",
        "javascript:alert(1)",
        "//hooks.example.com",
        "https://" + "a" * 2000 + ".example.com",
    ],
)
def test_what_is_no_public_https_address_is_refused(url):
    with pytest.raises(InvalidInput) as refused:
        check_url(url, private=False)
    assert refused.value.field == "url"


def test_on_a_developers_machine_that_machine_will_do_and_nothing_else_by_http():
    check_url("http://127.0.0.1:8080/hook", private=True)
    check_url("https://hooks.example.com/a?b=c", private=False)
    with pytest.raises(InvalidInput):
        check_url("http://hooks.example.com/", private=True)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "168.63.129.16", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["20.50.1.2", "8.8.8.8", "2603:1030:20e::1", "::ffff:8.8.8.8"])
def test_addresses_outside_are(address):
    assert is_public(address)
