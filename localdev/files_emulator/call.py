"""One request on its way through an operation: its parts, and the answers every operation gives alike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from localdev.files_emulator.account import Account
from localdev.files_emulator.address import Address
from localdev.files_emulator.errors import BOM, ServiceError, bad_query
from localdev.files_emulator.grants import BY_KEY, Grant
from localdev.files_emulator.messages import Reply, Request
from localdev.files_emulator.posix import kind_header, links_header, posix_headers
from localdev.files_emulator.share import Share
from localdev.files_emulator.smb import attributes_text
from localdev.files_emulator.times import etag, iso, rfc1123
from localdev.files_emulator.tree import Directory, Entry, File, Path

if TYPE_CHECKING:
    from localdev.files_emulator.handles import Handles

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Call:
    """A request that was authorised, in the words of the service."""

    account: Account
    request: Request
    query: dict[str, str]
    address: Address
    grant: Grant = BY_KEY
    handles: "Handles | None" = None
    """What is open over SMB."""

    @property
    def headers(self) -> dict[str, str]:
        """Return the request's headers, names in lower case."""
        return self.request.headers

    @property
    def path(self) -> Path:
        """Return the path below the share."""
        return self.address.path

    @property
    def endpoint(self) -> str:
        """Return the account's URL, with the slash, as the client reaches it."""
        scheme = "https" if self.request.is_tls else "http"
        return f"{scheme}://{self.headers.get('host', '127.0.0.1')}{self.address.endpoint}"

    def share(self) -> Share:
        """Return the share of the request."""
        return self.account.share(self.address.share)

    def readable_root(self) -> Directory:
        """Return the root of the live tree, or of the snapshot the request names."""
        share = self.share()
        wanted = self.query.get("sharesnapshot")
        return share.root if wanted is None else share.snapshot(wanted).root

    def writable_share(self) -> Share:
        """Return the share of a request that changes it; there is no changing a snapshot."""
        share = self.share()
        if "sharesnapshot" in self.query:
            raise ServiceError("ShareSnapshotOperationNotSupported")
        return share

    def check_replacing(self, old: object) -> None:
        """Refuse to put anything in the place of ``old``, if there is one, to whoever may only create."""
        if old is not None and not self.grant.may_replace:
            raise ServiceError("AuthorizationPermissionMismatch")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return a query parameter that is a number; larger ones than ``high`` are ``high``."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 20):
            raise bad_query(name, text)
        if int(text) < low:
            raise ServiceError(
                "OutOfRangeQueryParameterValue",
                QueryParameterName=name,
                QueryParameterValue=text,
                MinimumAllowed=str(low),
                MaximumAllowed=str(high),
            )
        return min(int(text), high)


def changed_headers(ticks: int) -> Headers:
    """Return the headers that say when something last changed."""
    return [("ETag", etag(ticks)), ("Last-Modified", rfc1123(ticks))]


def smb_headers(node: Entry) -> Headers:
    """Return the headers that every answer about a node carries."""
    if node.posix is None:
        found = [
            ("x-ms-file-permission-key", node.permission_key),
            ("x-ms-file-attributes", attributes_text(node.attributes)),
        ]
    else:
        found = posix_headers(node.posix)
    return [
        *found,
        ("x-ms-file-creation-time", iso(node.created)),
        ("x-ms-file-last-write-time", iso(node.written)),
        ("x-ms-file-change-time", iso(node.changed)),
        ("x-ms-file-id", node.file_id),
        ("x-ms-file-parent-id", node.parent_id),
    ]


def stored(node: Entry, status: int, *extra: tuple[str, str]) -> Reply:
    """Return the answer to a change of ``node``."""
    encrypted = ("x-ms-request-server-encrypted", "true")
    found = [*changed_headers(node.changed), encrypted, *smb_headers(node), *extra]
    if node.posix is not None:
        if status == 201:
            found.append(kind_header(node.posix, is_directory=isinstance(node, Directory)))
        elif isinstance(node, File):
            found.append(links_header(node.posix))
    return Reply(status, found)


def xml(text: str, *extra: tuple[str, str]) -> Reply:
    """Return an XML answer; ``text`` is the root element."""
    return xml_bytes(text.encode(), extra=extra)


def xml_bytes(*text: bytes, extra: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return an XML answer from encoded pieces of text."""
    body = b"".join([BOM, b'<?xml version="1.0" encoding="utf-8"?>', *text])
    return Reply(200, [("Content-Type", "application/xml"), *extra], body)


def as_file(node: Entry, code: str = "ResourceNotFound") -> File:
    """Return ``node`` if it is a file; addressed as one, a directory does not exist."""
    if not isinstance(node, File):
        raise ServiceError(code)
    return node


def as_regular(node: Entry, code: str = "ResourceNotFound") -> File:
    """Return ``node`` if it is a file with content: not a directory, and not a symbolic link either."""
    file = as_file(node, code)
    if file.posix is not None and file.posix.link_text:
        raise ServiceError("ResourceTypeMismatch")
    return file


def as_directory(node: Entry, code: str = "ResourceNotFound") -> Directory:
    """Return ``node`` if it is a directory; addressed as one, a file does not exist."""
    if not isinstance(node, Directory):
        raise ServiceError(code)
    return node
