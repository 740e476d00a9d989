"""The control API's route that takes a credential away: it gives the account another key, as regenerating one does.

What was signed with the key before, requests and SAS alike, is refused from then on with 403 AuthenticationFailed. A restart has
the key of the command line again.
"""

from base64 import b64decode

from localdev.files_emulator.account import Account
from localdev.files_emulator.fields import Fields
from localdev.files_emulator.routes import Ask, Json, Routes


class KeyApi:
    """Changes the key of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def add_to(self, routes: Routes) -> None:
        """Add the route to a table."""
        routes.add("PUT", "/account/key", self._replace, "replace the account's key; {key: base64}")

    async def _replace(self, ask: Ask) -> Json:
        fields = Fields(ask.body)
        key = fields.text("key", "")
        fields.done()
        try:
            is_key = bool(b64decode(key, validate=True))
        except ValueError:
            is_key = False
        if not is_key:
            raise fields.refuse("key", "a key in base64")
        self._account.key = key
        return None
