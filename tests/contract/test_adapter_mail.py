"""Mail through a real server, with TLS and without."""

import ssl

import pytest

from localdev.files_emulator.tls import self_signed, server_context
from shared.adapters.mail_smtp import Server, SmtpMail, server_of
from shared.core.alert_message import Mail
from shared.errors import InvalidInput, Unavailable
from tests.support.receivers import mail_server
from tests.support.schedules import SetClock

MAIL = Mail(("a@example.com", "b@example.com"), "Something happened", "It did.\n.\nAnd more.\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("mail"), "mail")


@pytest.fixture
def trusted(certificate):
    return ssl.create_default_context(cafile=str(certificate[0]))


def sender(box, tls, context=None, **login):
    server = Server(host="127.0.0.1", port=box.port, tls=tls, **login)
    return SmtpMail(server, "backup@example.com", SetClock(), context)


async def test_with_starttls_and_a_password_it_arrives_whole(certificate, trusted):
    with mail_server(starttls=server_context(*certificate), auth=True) as box:
        await sender(box, "starttls", trusted, user="ops", password="right").send(MAIL)
    (envelope,) = box.got
    assert box.logins == [("ops", "right")]
    assert envelope.mail_from == "backup@example.com"
    assert envelope.rcpt_tos == list(MAIL.recipients)
    assert "It did.\r\n.\r\nAnd more." in box.texts()[0]


async def test_with_tls_at_once_too(certificate, trusted):
    with mail_server(tls=server_context(*certificate)) as box:
        await sender(box, "at once", trusted).send(MAIL)
    assert len(box.got) == 1


async def test_a_wrong_password_is_told_and_not_shown(certificate, trusted):
    with (
        mail_server(starttls=server_context(*certificate), auth=True) as box,
        pytest.raises(Unavailable, match="did not take the mail: SMTPAuthenticationError 535") as refused,
    ):
        await sender(box, "starttls", trusted, user="ops", password="wrong-secret").send(MAIL)
    assert "wrong-secret" not in str(refused.value)
    assert box.got == []


async def test_nothing_is_sent_in_the_clear_to_a_server_that_has_no_tls(trusted):
    with mail_server() as box, pytest.raises(Unavailable, match="did not take the mail"):
        await sender(box, "starttls", trusted, user="ops", password="right").send(MAIL)
    assert box.got == []
    assert box.logins == []


async def test_nothing_is_sent_to_a_server_that_nobody_vouches_for(certificate):
    with mail_server(starttls=server_context(*certificate)) as box, pytest.raises(Unavailable, match="certificate"):
        await sender(box, "starttls").send(MAIL)
    assert box.got == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://mail.example.com", ("mail.example.com", 465, "at once", "", "")),
        ("smtp://mail.example.com", ("mail.example.com", 587, "starttls", "", "")),
        ("smtp://o%40ps:p%2Fw@mail.example.com:2525", ("mail.example.com", 2525, "starttls", "o@ps", "p/w")),
        ("smtp://127.0.0.1:25", ("127.0.0.1", 25, "none", "", "")),
    ],
)
def test_addresses_of_servers(url, expected):
    found = server_of(url)
    assert (found.host, found.port, found.tls, found.user, found.password) == expected
    assert "p/w" not in repr(found)


@pytest.mark.parametrize(
    "url", ["http://mail", "smtp://", "mail.example.com:25", "smtp://h/path", "smtp://u:secret@h:99999"]
)
def test_what_is_no_address_of_a_server_is_refused_without_showing_it(url):
    with pytest.raises(InvalidInput) as refused:
        server_of(url)
    assert "secret" not in str(refused.value)
