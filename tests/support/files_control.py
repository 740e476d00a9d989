"""The Azure Files emulator's control API, as tests use it."""

import base64
import json
import secrets
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import quote, urlencode


class ControlRefused(Exception):
    """The control API answered 4xx or 5xx; ``status`` and ``told``, what it said."""

    def __init__(self, status, told):
        super().__init__(f"{status}: {told}")
        self.status, self.told = status, told


class ControlClient:
    """One emulator's control API; ``url`` is its ``control_url``."""

    def __init__(self, url):
        self.url = url

    def ask(self, method, path, body=None, **query):
        """Return what the API answers to one request."""
        data = None if body is None else json.dumps(body).encode()
        target = quote(path, safe="/%") + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(self.url + target, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                raise ControlRefused(refused.code, json.loads(refused.read())) from None
        return json.loads(content) if content else None

    def fault(self, **rule):
        """Add a rule; returns it as it is in force, its id among the rest."""
        return self.ask("POST", "/faults", [rule])[0]

    @contextmanager
    def faults(self, *rules):
        """Have rules (dicts) in force for a while, and no longer; they come as they are then, ids among the rest."""
        added = self.ask("POST", "/faults", list(rules))
        try:
            yield added
        finally:
            for rule in added:
                self.ask("DELETE", f"/faults/{quote(rule['id'], safe='')}")

    def plant(self, share, *path, content=None):
        """Make a file, or a directory, that REST cannot name; the directories above it are there."""
        self.ask("POST", f"/shares/{share}/plant", {"path": path} | ({} if content is None else {"content": content}))

    def rules(self):
        return self.ask("GET", "/faults")

    def clear(self):
        """Remove all rules."""
        self.ask("DELETE", "/faults")

    def counters(self, share=None):
        return self.ask("GET", f"/shares/{share}/counters" if share else "/counters")

    def requests(self, operation):
        """How often an operation was asked for since the counters began."""
        return self.counters()["operations"].get(operation, {"requests": 0})["requests"]

    def limit(self, share=None, **limits):
        return self.ask("PUT", f"/shares/{share}/limits" if share else "/limits", limits)

    def unlimit(self):
        self.ask("DELETE", "/limits")

    @contextmanager
    def revoked(self, key):
        """Have ``key`` refused for a while; it is the account's again after."""
        other = base64.b64encode(secrets.token_bytes(64)).decode()
        self.ask("PUT", "/account/key", {"key": other})
        try:
            yield
        finally:
            self.ask("PUT", "/account/key", {"key": key})

    def keep_log(self, size):
        self.ask("PUT", "/log", {"size": size})

    def log(self, **query):
        """Return logged requests; ``since``, ``operation`` and ``limit`` narrow them."""
        return self.ask("GET", "/log", **query)["entries"]
