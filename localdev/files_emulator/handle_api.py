"""The control API's routes that open and close handles, in place of the SMB clients that there are none of."""

from localdev.files_emulator.account import Account
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.fields import Fields
from localdev.files_emulator.handles import ACCESSES, READ, Handle, Handles
from localdev.files_emulator.routes import Ask, Json, Refused, Routes
from localdev.files_emulator.share import Share


class HandleApi:
    """Opens handles of one account."""

    def __init__(self, account: Account, handles: Handles) -> None:
        self._account = account
        self._handles = handles

    def add_to(self, routes: Routes) -> None:
        """Add the routes to a table."""
        add = routes.add
        add("POST", "/shares/{name}/handles", self._open, _DOES)
        add("GET", "/shares/{name}/handles", self._list, "the open handles of a share, oldest first")
        add("DELETE", "/shares/{name}/handles", self._close_all, "close all handles of a share")
        add("DELETE", "/shares/{name}/handles/{id}", self._close, "close one handle")

    async def _open(self, ask: Ask) -> Json:
        share = self._share(ask)
        if share.is_nfs:
            raise Refused(409, f"{share.name!r} is an NFS share, where there are no handles")
        fields = Fields(ask.body)
        path = fields.text("path", None)
        if path is None:
            raise fields.refuse("path", "a path from the share's root; '' for the root itself")
        access, deny = _accesses(fields, "access", (READ,)), _accesses(fields, "deny", ())
        fields.done()
        parts = tuple(part for part in path.split("/") if part)
        try:
            return _shown(self._handles.open(self._account, share, parts, access, frozenset(deny)))
        except ServiceError as error:
            raise Refused(404, f"{path!r}: {error.message}") from None

    async def _list(self, ask: Ask) -> Json:
        return [_shown(handle) for handle, _ in self._handles.of_share(self._account, self._share(ask))]

    async def _close_all(self, ask: Ask) -> Json:
        for handle, _ in self._handles.of_share(self._account, self._share(ask)):
            self._handles.close(handle)
        return None

    async def _close(self, ask: Ask) -> Json:
        for handle, _ in self._handles.of_share(self._account, self._share(ask)):
            if str(handle.id) == ask.params["id"]:
                self._handles.close(handle)
                return None
        raise Refused(404, f"there is no open handle {ask.params['id']!r}")

    def _share(self, ask: Ask) -> Share:
        found = self._account.shares.get(ask.params["name"])
        if found is None:
            raise Refused(404, f"there is no share {ask.params['name']!r}")
        return found


_DOES = "open a file or directory as an SMB client would; {path, access: ['read'], deny: ['read', 'write', 'delete'] or fewer}"


def _accesses(fields: Fields, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = fields.anything(name)
    if value is None:
        return default
    if not isinstance(value, list) or not all(item in ACCESSES for item in value):
        raise fields.refuse(name, f"a list of any of {', '.join(ACCESSES)}", value)
    return tuple(access for access in ACCESSES if access in value)


def _shown(handle: Handle) -> dict[str, object]:
    return {
        "id": str(handle.id),
        "path": "/".join(handle.path),
        "access": list(handle.access),
        "deny": [access for access in ACCESSES if access in handle.deny],
    }
