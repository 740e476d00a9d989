"""Send mail through an SMTP server, in a thread: the standard library's client, which knows TLS and waits for nothing else.

``smtps://`` is TLS from the first byte (port 465), ``smtp://`` begins TLS with STARTTLS (587), and sends nothing if the server will not.
Only a server on this machine may do without.
"""

import asyncio
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

from shared.core.alert_message import Mail
from shared.errors import InvalidInput, Rejected, Unavailable
from shared.ports.system import Clock

logger = logging.getLogger(__name__)

WHOLE_S: Final = 30.0
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mail is handed over."""

    host: str
    port: int
    tls: str
    """``at once``, ``starttls``, or ``none``, which is for this machine."""
    user: str = ""
    password: str = field(default="", repr=False)


def server_of(url: str) -> Server:
    """Read ``smtp[s]://user:password@host:port``; user and password percent-encoded.

    :raises InvalidInput: it is something else; the message does not show it, because it may have a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidInput(
            "setting AFB_SMTP_URL is not the address of a mail server; expected smtps://user:password@host or smtp://...",
            field="AFB_SMTP_URL",
        )
    is_local = parts.hostname in _LOCAL
    return Server(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls="at once" if parts.scheme == "smtps" else "none" if is_local else "starttls",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class SmtpMail:
    """Implements :class:`shared.ports.senders.MailSender`."""

    def __init__(self, server: Server, sender: str, clock: Clock, context: ssl.SSLContext | None = None) -> None:
        """``sender``: the address that mail comes from. ``context``: whom to trust, if not whom the system does."""
        self._server = server
        self._sender = sender
        self._clock = clock
        self._context = context

    async def send(self, mail: Mail) -> None:
        """See the port."""
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = ", ".join(mail.recipients)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        await asyncio.to_thread(self._send, message, mail.recipients)

    def _send(self, message: EmailMessage, recipients: tuple[str, ...]) -> None:
        server = self._server
        try:
            with self._connected() as smtp:
                if server.tls == "starttls":
                    smtp.starttls(context=self._trusted())
                if server.user:
                    smtp.login(server.user, server.password)
                refused = smtp.send_message(message, self._sender, recipients)
        except smtplib.SMTPRecipientsRefused as error:
            raise Unavailable(f"{server.host} refused all recipients: {_codes(error.recipients)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"{server.host} did not take the mail: {_told(error)}") from error
        if refused:
            logger.warning("recipients_refused", extra={"server": server.host, "codes": _codes(refused)})

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "at once":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=WHOLE_S, context=self._trusted())
        return smtplib.SMTP(server.host, server.port, timeout=WHOLE_S)

    def _trusted(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()


class NoMail:
    """For an app that no mail server is set up for."""

    async def send(self, mail: Mail) -> None:
        """See the port."""
        del mail
        raise Rejected("no mail server is set up: the settings AFB_SMTP_URL and AFB_MAIL_FROM are missing")


def _codes(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(sorted({str(code) for code, _ in refused.values()}))


def _told(error: Exception) -> str:
    """What went wrong, without what the server said at length."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return f"{type(error).__name__}: {error}"[:200]
