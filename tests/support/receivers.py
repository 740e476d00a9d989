"""Who alerts are told to, in tests: a web server and a mail server of flesh and blood."""

import asyncio
import contextlib
import json
import socket
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Hook:
    """A web server that takes webhooks, or not."""

    url: str = ""
    status: int = 200
    delay_s: float = 0.0
    location: str = ""
    got: list = field(default_factory=list)
    """``(headers, body)``."""

    def told(self):
        return [json.loads(body) for _, body in self.got]

    async def handle(self, request):
        body = await request.read()
        self.got.append((dict(request.headers), body))
        await asyncio.sleep(self.delay_s)
        headers = {"Location": self.location} if self.location else {}
        return web.Response(status=self.status, headers=headers, text="secret of the receiver")


@asynccontextmanager
async def hook(**given):
    found = Hook(**given)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/hook"
    try:
        yield found
    finally:
        await runner.cleanup()


@dataclass
class Mailbox:
    """What a mail server was given."""

    port: int = 0
    refuse: str = ""
    got: list = field(default_factory=list)
    logins: list = field(default_factory=list)

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        self.got.append(envelope)
        return "250 taken"

    def texts(self):
        return [envelope.content.decode() for envelope in self.got]

    def authenticate(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"right", handled=False)


@contextlib.contextmanager
def mail_server(*, port=0, starttls=None, tls=None, auth=False):
    """An SMTP server on this machine; ``port`` 0: any that is free."""
    box = Mailbox()
    options = (
        {"auth_required": True, "authenticator": box.authenticate, "auth_require_tls": bool(starttls)} if auth else {}
    )
    if starttls:
        options |= {"tls_context": starttls, "require_starttls": True}
    controller = Controller(box, hostname="127.0.0.1", port=port or free_port(), ssl_context=tls, **options)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@contextlib.contextmanager
def hook_in_thread(**given):
    """The same for tests without an event loop."""
    ready, leave, found = threading.Event(), asyncio.Event(), []

    async def serve():
        async with hook(**given) as receiver:
            found.append((receiver, asyncio.get_running_loop()))
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    receiver, loop = found[0]
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
