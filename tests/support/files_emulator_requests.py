"""A valid request for every operation of the emulator, as values that a test can break, and an account to send it to."""

import html
import re
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import quote

from localdev.files_emulator.account import Account
from localdev.files_emulator.operations import rows
from localdev.files_emulator.store import MemoryStore, Store
from localdev.files_emulator.synthetic import make
from localdev.files_emulator.synthetic_plan import Plan
from localdev.files_emulator.synthetic_shape import shape_from
from tests.support.files_emulator import ACCOUNT, InProcess, parse, signed

HOST = "127.0.0.1"
GUID = "c3a1bd0f-5d0a-4d0e-8a3c-2f5b0a7d1e11"
OTHER_GUID = "c3a1bd0f-5d0a-4d0e-8a3c-2f5b0a7d1e12"
SDDL = "O:BAG:BAD:(A;;FA;;;BA)"
ACL = (
    "<SignedIdentifiers><SignedIdentifier><Id>one</Id><AccessPolicy><Start>2020-01-01T00:00:00Z</Start>"
    "<Expiry>2099-01-01T00:00:00Z</Expiry><Permission>rl</Permission></AccessPolicy></SignedIdentifier>"
    "</SignedIdentifiers>"
)
RETENTION = "<ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></ShareDeleteRetentionPolicy>"
PROPERTIES = (
    "<StorageServiceProperties><HourMetrics><Version>1.0</Version><Enabled>true</Enabled><IncludeAPIs>true</IncludeAPIs>"
    "<RetentionPolicy><Enabled>true</Enabled><Days>3</Days></RetentionPolicy></HourMetrics><Cors><CorsRule>"
    "<AllowedOrigins>http://a.example</AllowedOrigins><AllowedMethods>GET,PUT</AllowedMethods><AllowedHeaders>x-ms-*"
    "</AllowedHeaders><ExposedHeaders>*</ExposedHeaders><MaxAgeInSeconds>60</MaxAgeInSeconds></CorsRule></Cors>"
    f"{RETENTION}<ProtocolSettings><SMB><Multichannel><Enabled>true</Enabled></Multichannel>"
    "<Versions>SMB3.0;SMB3.1.1</Versions></SMB></ProtocolSettings></StorageServiceProperties>"
)
KEY_INFO = "<KeyInfo><Start>2020-01-01T00:00:00Z</Start><Expiry>2099-01-01T00:00:00Z</Expiry></KeyInfo>"


@dataclass(frozen=True)
class Valid:
    """A request; ``{names}`` in it stand for what only the account knows."""

    name: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


_SMB = {
    "x-ms-file-attributes": "ReadOnly|Archive",
    "x-ms-file-creation-time": "2020-01-01T00:00:00.0000000Z",
    "x-ms-file-last-write-time": "now",
    "x-ms-file-change-time": "2020-01-01T00:00:00.1234567Z",
    "x-ms-file-permission": SDDL,
    "x-ms-meta-a": "b",
}
_DIRECTORY_SMB = {**_SMB, "x-ms-file-attributes": "Hidden", "x-ms-file-permission": "inherit"}
_CONTENT = {
    "x-ms-content-type": "text/plain",
    "x-ms-content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "x-ms-content-language": "en",
}
_URL = f"http://{HOST}/{ACCOUNT}/share"
_FILE = {"x-ms-type": "file", "x-ms-content-length": "5"}
_POSIX = {"x-ms-mode": "0751", "x-ms-owner": "12", "x-ms-group": "13"}
_RENAME = {"x-ms-file-rename-replace-if-exists": "true", "x-ms-file-rename-ignore-readonly": "true"}

#: name -> what its request needs beyond method, restype and comp: path, headers, body, query.
_NEEDS: dict[str, tuple[str, dict[str, str], str, dict[str, str]]] = {
    "service_list_shares": ("", {}, "", {"include": "snapshots,metadata,deleted", "maxresults": "3", "prefix": "s"}),
    "service_set_properties": ("", {}, PROPERTIES, {}),
    "service_get_user_delegation_key": ("", {}, KEY_INFO, {}),
    "share_create": ("new-share", {"x-ms-share-quota": "5", "x-ms-access-tier": "Hot", "x-ms-meta-a": "b"}, "", {}),
    "share_delete": ("share", {"x-ms-delete-snapshots": "include-leased"}, "", {}),
    "share_lease": (
        "share", {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "15", "x-ms-proposed-lease-id": GUID}, "", {}
    ),
    "share_create_snapshot": ("share", {"x-ms-meta-a": "b"}, "", {}),
    "share_create_permission": ("share", {}, f'{{"permission": "{SDDL}", "format": "sddl"}}', {}),
    "share_get_permission": ("share", {"x-ms-file-permission-key": "{permission}"}, "", {}),
    "share_set_properties": ("share", {"x-ms-share-quota": "6", "x-ms-access-tier": "Cool"}, "", {}),
    "share_set_metadata": ("share", {"x-ms-meta-a": "b", "x-ms-meta-c": "d"}, "", {}),
    "share_set_access_policy": ("share", {}, ACL, {}),
    "share_restore": (
        "gone", {"x-ms-deleted-share-name": "gone", "x-ms-deleted-share-version": "{version}"}, "", {}
    ),
    "share_get_properties": ("share", {}, "", {"sharesnapshot": "{snapshot}"}),
    "directory_create": ("share/dir/sub", _DIRECTORY_SMB, "", {}),
    "directory_get_properties": ("share/dir", {}, "", {"sharesnapshot": "{snapshot}"}),
    "directory_delete": ("share/empty", {}, "", {}),
    "directory_set_properties": ("share/dir", _DIRECTORY_SMB, "", {}),
    "directory_set_metadata": ("share/dir", {"x-ms-meta-a": "b"}, "", {}),
    "directory_list": (
        "share/dir", {"x-ms-file-extended-info": "true"}, "",
        {"include": "timestamps,Etag,Attributes,PermissionKey", "maxresults": "2", "prefix": "f",
         "marker": "1!8!ZmlsZQ==", "sharesnapshot": "{snapshot}"},
    ),
    "directory_rename": (
        "share/renamed", {"x-ms-file-rename-source": f"{_URL}/dir", **_DIRECTORY_SMB, **_RENAME}, "", {}
    ),
    "file_create": ("share/dir/new", {**_FILE, **_SMB, **_CONTENT, "x-ms-file-property-semantics": "Restore"}, "hello", {}),
    "file_download": (
        "share/dir/file", {"x-ms-range": "bytes=1-3", "x-ms-range-get-content-md5": "true"}, "",
        {"sharesnapshot": "{snapshot}"},
    ),
    "file_get_properties": ("share/dir/file", {}, "", {"sharesnapshot": "{snapshot}"}),
    "file_delete": ("share/dir/file", {}, "", {}),
    "file_set_http_headers": (
        "share/dir/file", {**_SMB, **_CONTENT, "x-ms-content-length": "3", "x-ms-file-creation-time": "preserve"}, "", {}
    ),
    "file_set_metadata": ("share/dir/file", {"x-ms-meta-a": "b"}, "", {}),
    "file_lease": (
        "share/dir/file",
        {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1", "x-ms-proposed-lease-id": GUID}, "", {},
    ),
    "file_upload_range": (
        "share/dir/file",
        {"x-ms-range": "bytes=1-3", "x-ms-write": "update", "x-ms-file-last-write-time": "preserve",
         "Content-MD5": "kAFQmDzST7DWlj99KOF/cg=="}, "abc", {},
    ),
    "file_get_range_list": (
        "share/dir/file", {"x-ms-range": "bytes=0-6", "x-ms-file-support-rename": "true"}, "",
        {"prevsharesnapshot": "{snapshot}", "maxresults": "3", "marker": "0"},
    ),
    "file_rename": (
        "share/dir/moved", {"x-ms-file-rename-source": f"{_URL}/dir/file", **_SMB, **_RENAME}, "", {}
    ),
    "file_start_copy": (
        "share/dir/copy",
        {"x-ms-copy-source": f"{_URL}/dir/file?sharesnapshot={{snapshot}}", **_SMB,
         "x-ms-file-last-write-time": "source", "x-ms-file-permission-copy-mode": "override",
         "x-ms-file-copy-set-archive": "true", "x-ms-file-copy-ignore-readonly": "true",
         "x-ms-source-allow-trailing-dot": "true"}, "", {},
    ),
    "file_upload_range_from_url": (
        "share/dir/file",
        {"x-ms-copy-source": f"{_URL}/other", "x-ms-source-range": "bytes=0-2", "x-ms-range": "bytes=1-3",
         "x-ms-write": "update"}, "", {},
    ),
    "file_abort_copy": ("share/dir/file", {"x-ms-copy-action": "abort"}, "", {"copyid": GUID}),
    "file_create_symbolic_link": ("nfs/new", {"x-ms-link-text": "a%2Fb", "x-ms-owner": "12"}, "", {}),
    "file_get_symbolic_link": ("nfs/link", {}, "", {}),
    "file_create_hard_link": (
        "nfs/new", {"x-ms-type": "file", "x-ms-file-target-file": "/dir/again"}, "", {}
    ),
    "list_handles": ("share/dir/file", {}, "", {"maxresults": "3"}),
    "force_close_handles": ("share/dir/file", {"x-ms-handle-id": "*", "x-ms-recursive": "true"}, "", {}),
}  # fmt: skip
_PATHS = {"service": "", "share": "share", "path": "share/dir/file"}
#: Operations whose valid request is refused here: there is nothing to act on, and only a bearer token could ask.
_STATUS = {"file_abort_copy": 409, "service_get_user_delegation_key": 403}
#: More requests of an operation that has several faces: path, headers, query.
_MORE: list[tuple[str, str, dict[str, str], dict[str, str]]] = [
    ("file_upload_range", "share/dir/file", {"x-ms-range": "bytes=0-6", "x-ms-write": "clear"}, {}),
    ("file_lease", "share/dir/leased", {"x-ms-lease-action": "break"}, {}),
    (
        "file_lease", "share/dir/leased",
        {"x-ms-lease-action": "change", "x-ms-lease-id": OTHER_GUID, "x-ms-proposed-lease-id": GUID}, {},
    ),
    (
        "share_lease", "share", {"x-ms-lease-action": "break", "x-ms-lease-break-period": "5"},
        {"sharesnapshot": "{snapshot}"},
    ),
    ("file_delete", "share/dir/leased", {"x-ms-lease-id": OTHER_GUID}, {}),
    ("share_create", "new-nfs", {"x-ms-enabled-protocols": "NFS", "x-ms-root-squash": "RootSquash"}, {}),
    ("share_create", "new-v2", {"x-ms-share-provisioned-iops": "3000", "x-ms-share-quota": "100"}, {}),
    ("file_create", "nfs/new", {"x-ms-type": "file", "x-ms-content-length": "5", **_POSIX}, {}),
    ("directory_create", "nfs/sub", _POSIX, {}),
    ("directory_set_properties", "nfs/dir", _POSIX, {}),
    ("file_set_http_headers", "nfs/file", _POSIX, {}),
    (
        "file_start_copy", "nfs/copy",
        {"x-ms-copy-source": f"http://{HOST}/{ACCOUNT}/nfs/file", **_POSIX,
         "x-ms-file-mode-copy-mode": "override", "x-ms-file-owner-copy-mode": "override"}, {},
    ),
    ("file_delete", "nfs/file", {}, {}),
    ("directory_list", "{made-directory}", {}, {"include": "timestamps"}),
    ("directory_set_properties", "{made-directory}", _DIRECTORY_SMB, {}),
    ("directory_create", "{made-directory}/sub", {}, {}),
    ("file_download", "{made-file}", {"x-ms-range": "bytes=0-"}, {}),
    ("file_create", "{made-file}", {"x-ms-type": "file", "x-ms-content-length": "5"}, {}),
    ("file_upload_range", "{made-file}", {"x-ms-range": "bytes=0-0", "x-ms-write": "clear"}, {}),
    ("file_set_http_headers", "{made-file}", {**_SMB, "x-ms-content-length": "3"}, {}),
    ("file_set_metadata", "{made-file}", {"x-ms-meta-a": "b"}, {}),
    ("file_delete", "{made-file}", {}, {}),
    (
        "file_rename", "{made-directory}/moved",
        {"x-ms-file-rename-source": f"http://{HOST}/{ACCOUNT}/{{made-file}}", **_RENAME}, {},
    ),
    ("file_rename", "nfs/moved", {"x-ms-file-rename-source": f"http://{HOST}/{ACCOUNT}/nfs/link", **_RENAME}, {}),
]  # fmt: skip


def valid() -> list[Valid]:
    """Return a valid request for every row of the table of operations."""
    found = []
    for level, method, restype, comp, operation in rows():
        path, headers, body, query = _NEEDS.get(operation.name, (_PATHS[level], {}, "", {}))
        kinds = {name: value for name, value in (("restype", restype), ("comp", comp)) if value}
        request = Valid(
            operation.name, method, path, tuple({**kinds, **query}.items()), tuple(headers.items()), body.encode()
        )
        found.append(request)
        for name, path, headers, query in _MORE:
            if (name, method) == (operation.name, request.method):
                again = replace(request, path=path, headers=tuple(headers.items()), body=b"")
                found.append(replace(again, query=tuple({**kinds, **query}.items())))
    return found


def expected_status(request: Valid) -> int:
    """Return how ``request`` is refused though it is valid; 0 if it is not."""
    return _STATUS.get(request.name, 0)


@cache
def _plan():
    return Plan(shape_from({"files": 60, "files_per_directory": 10, "tail": 0, "depth": 1}))


class Stocked(InProcess):
    """An emulator whose account has something of everything; ``words`` are what the names in requests stand for."""

    def __init__(self, account: Account | None = None, store: Store | None = None):
        super().__init__(account, store)
        service = {"restype": "service", "comp": "properties"}
        properties = f"<StorageServiceProperties>{RETENTION}</StorageServiceProperties>"
        self._do("PUT", "", service, {}, properties.encode())
        self.create_share("gone")
        self._do("DELETE", "gone", {"restype": "share"})
        self.create_share("share")
        self._do("PUT", "share", {"restype": "share", "comp": "acl"}, {}, ACL.encode())
        self._do("PUT", "share", {"restype": "share", "comp": "metadata"}, {"x-ms-meta-a": "b"})
        for path in ("dir", "empty", "dir/sub1"):
            self.make_directory(f"share/{path}")
        for path in ("dir/file", "dir/file2", "dir/leased", "other"):
            self.put(f"share/{path}", b"content", {"x-ms-meta-a": "b"})
        snapshot = self.snapshot("share")
        self._do("PUT", "share/dir/file", {"comp": "range"}, {"x-ms-range": "bytes=2-2", "x-ms-write": "update"}, b"x")
        lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1", "x-ms-proposed-lease-id": OTHER_GUID}
        self._do("PUT", "share/dir/leased", {"comp": "lease"}, lease)
        self._do("PUT", "share", {"restype": "share", "comp": "lease", "sharesnapshot": snapshot}, lease)
        self._do("PUT", "nfs", {"restype": "share"}, {"x-ms-enabled-protocols": "NFS"})
        self.make_directory("nfs/dir")
        self.put("nfs/file", b"content")
        self._do("PUT", "nfs/link", {"restype": "symboliclink"}, {"x-ms-link-text": "file"})
        self._do("PUT", "nfs/dir/again", {"restype": "hardlink"}, {"x-ms-file-target-file": "file"})
        permission = self.send(
            "PUT",
            "share",
            {"restype": "share", "comp": "filepermission"},
            {},
            b'{"permission": "O:SYG:SYD:(A;;FA;;;SY)"}',
        ).headers["x-ms-file-permission-key"]
        deleted = self.send("GET", "", {"comp": "list", "include": "deleted"}).body
        version = deleted.split(b"<Version>")[1].split(b"<")[0].decode()
        make(self.account, "made", _plan())
        (store or MemoryStore()).commit()
        directory, file = self._found("made")
        self.words = {
            "{snapshot}": snapshot,
            "{permission}": permission,
            "{version}": version,
            "{made-directory}": directory,
            "{made-file}": file,
        }

    def _found(self, path):
        """Return a directory below a path, and a file in it."""
        for name in re.findall(rb"<Directory><Name>([^<]*)", self.list(path).body):
            below = f"{path}/{quote(name.decode(), safe='')}"
            file = re.search(rb"<File><Name>([^<]*)", self.list(below).body)
            if file:
                return below, f"{below}/{quote(html.unescape(file[1].decode()), safe='')}"
        raise AssertionError("there is no file in a directory of the synthetic share")

    def _do(self, method, path, query, headers=None, body=b""):
        answer = self.send(method, path, query, headers, body)
        assert answer.status < 300, answer

    def filled(self, text: str) -> str:
        """Return ``text`` with the words of this account."""
        for name, word in self.words.items():
            text = text.replace(name, word)
        return text

    def bytes_of(self, request: Valid, *, sign: bool = True, sas: str = "") -> bytes:
        """Return ``request`` as bytes, signed by SharedKey, or by ``sas``, or not at all.

        Header names and values that are there twice are signed as the service joins them. Text becomes UTF-8.
        """
        query = [(name, self.filled(value)) for name, value in request.query]
        headers = [(name, self.filled(value)) for name, value in request.headers]
        path = f"/{ACCOUNT}/{self.filled(request.path)}"
        joined: dict[str, str] = {}
        for name, value in headers:
            name, value = name.lower(), value.strip(" \t")
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        if request.method in ("PUT", "POST") or request.body:
            joined.setdefault("content-length", str(len(request.body)))
            headers += [("Content-Length", str(len(request.body)))]
        asked: dict[str, list[str]] = {}
        for name, value in query:
            asked.setdefault(name.lower(), []).append(value)
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
        if sas:
            text = f"{text}&{sas}" if text else sas
            found = {"Host": HOST, "x-ms-version": "2026-10-06"}
        elif sign:
            joined.setdefault("content-length", "0")
            told = signed(
                request.method, path, {name: ",".join(sorted(values)) for name, values in asked.items()},
                joined, request.body, HOST,
            )  # fmt: skip
            found = {name: told[name] for name in told if name not in joined}
        else:
            found = {"Host": HOST}
        sent = {name.lower() for name, _ in headers}
        lines = [f"{request.method} {path}{'?' if text else ''}{text} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in found.items() if name.lower() not in sent]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + request.body

    def ask(self, request: Valid, **how):
        """Return the answer to ``request``."""
        return parse(self.bytes_of(request, **how), self.bytes)
