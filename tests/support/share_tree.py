"""Write and read small trees through the SDK: what a test compares is never read by the code under test."""

from dataclasses import dataclass, field
from typing import Any

from azure.storage.fileshare import ContentSettings, ShareClient, ShareServiceClient

SDDL = "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)(A;;0x1200a9;;;S-1-5-21-1-2-3-{n})"


def service(emulator) -> ShareServiceClient:
    return ShareServiceClient(
        emulator.url,
        credential={"account_name": emulator.account, "account_key": emulator.key},
        allow_trailing_dot=True,
        retry_total=0,
    )


@dataclass
class Node:
    """A file or directory as a reader of the share sees it."""

    kind: str
    content: bytes
    times: tuple[str, ...]
    attributes: str
    permission: str
    metadata: dict[str, str] = field(default_factory=dict)
    headers: tuple[Any, ...] = ()


def put(share: ShareClient, path: str, content: bytes = b"", **kwargs: Any) -> None:
    """Make or replace a file, and the directories above it."""
    parent = path.rpartition("/")[0]
    if parent:
        mkdir(share, parent)
    client = share.get_file_client(path)
    if len(content) <= 4 * 1024 * 1024:
        client.create_file(len(content), data=content or None, **kwargs)
    else:
        client.create_file(len(content), **kwargs)
        client.upload_range(content[: 4 * 1024 * 1024], 0, 4 * 1024 * 1024)
        for offset in range(4 * 1024 * 1024, len(content), 4 * 1024 * 1024):
            block = content[offset : offset + 4 * 1024 * 1024]
            client.upload_range(block, offset, len(block))


def mkdir(share: ShareClient, path: str, **kwargs: Any) -> None:
    """Make a directory, and those above it."""
    done = ""
    for part in path.split("/"):
        done = f"{done}/{part}" if done else part
        client = share.get_directory_client(done)
        if not client.exists():
            client.create_directory(**(kwargs if done == path else {}))


def read_tree(share: ShareClient) -> dict[str, Node]:
    """Every node below the root by path, with everything a restore promises to bring back."""
    permissions: dict[str, str] = {}
    tree: dict[str, Node] = {}
    live = ShareClient(share.url.split("?")[0].rsplit("/", 1)[0], share.share_name, credential=share.credential)

    def sddl(key: str) -> str:
        if key not in permissions:
            text = live.get_permission_for_share(key)
            permissions[key] = text if "S:" in text else f"{text}S:NO_ACCESS_CONTROL"  # as Create Permission makes it
        return permissions[key]

    def walk(path: str) -> None:
        directory = share.get_directory_client(path) if path else share.get_directory_client()
        for item in directory.list_directories_and_files(include=["timestamps", "Etag", "Attributes", "PermissionKey"]):
            child = f"{path}/{item.name}" if path else item.name
            times = (str(item.creation_time), str(item.last_write_time), str(item.change_time))
            if item.is_directory:
                properties = share.get_directory_client(child).get_directory_properties()
                tree[child] = Node(
                    "directory", b"", times, str(item.file_attributes), sddl(item.permission_key), properties.metadata
                )
                walk(child)
            else:
                download = share.get_file_client(child).download_file()
                settings = download.properties.content_settings
                tree[child] = Node(
                    "file",
                    download.readall(),
                    times,
                    str(item.file_attributes),
                    sddl(item.permission_key),
                    download.properties.metadata or {},
                    (
                        settings.content_type,
                        settings.content_encoding,
                        settings.content_language,
                        settings.content_disposition,
                        settings.cache_control,
                        bytes(settings.content_md5 or b""),
                    ),
                )

    walk("")
    return tree


def differences(expected: dict[str, Node], found: dict[str, Node]) -> list[str]:
    """What a person would want to read when two trees differ."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"extra: {path}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        a, b = expected[path], found[path]
        for name in ("kind", "content", "times", "attributes", "permission", "metadata", "headers"):
            if getattr(a, name) != getattr(b, name):
                lines.append(f"{path}: {name} {getattr(a, name)!r:.200} != {getattr(b, name)!r:.200}")
    return lines


def fill(share: ShareClient) -> None:
    """A small tree with something of everything."""
    keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in (1001, 1002)]
    put(
        share,
        "readme.txt",
        b"hello\n",
        content_settings=ContentSettings(content_type="text/plain", cache_control="no-cache"),
    )
    put(share, "empty.bin")
    mkdir(share, "empty directory")
    mkdir(share, "docs", metadata={"Owner": "finance", "colour": "red"}, file_permission_key=keys[0])
    for n in range(12):
        put(share, f"docs/reports/report {n:02d}.csv", f"{n},".encode() * (n * 37))
    put(
        share, "docs/reports/locked.bin", b"x" * 3000, file_attributes="ReadOnly|Hidden|Archive", permission_key=keys[1]
    )
    put(share, "docs/日本語/ファイル %41 + # & 'x'.txt", "内容".encode(), metadata={"Kind": "unicode"})
    put(share, "docs/trailing./dot..", b"dots")
    put(share, "media/song.wav", bytes(range(256)) * 8192, file_last_write_time="2001-02-03T04:05:06.7890123Z")
    put(share, "media/zeros.img", bytes(5 * 1024 * 1024) + b"end")
    for level in range(6):
        put(share, "deep/" + "/".join(f"level{k}" for k in range(level + 1)) + "/leaf.txt", b"leaf %d" % level)


def change(share: ShareClient) -> None:
    """Something of every kind of change."""
    put(share, "docs/reports/report 03.csv", b"rewritten")
    put(share, "docs/new/added.txt", b"added")
    share.get_file_client("docs/reports/report 05.csv").delete_file()
    share.get_file_client("readme.txt").rename_file("docs/readme-moved.txt")
    share.get_directory_client("deep").rename_directory("docs/deeper")
    share.get_file_client("media/song.wav").set_file_metadata({"rated": "5"})
    key = share.create_permission_for_share(SDDL.format(n=1003))
    share.get_file_client("docs/reports/report 07.csv").set_http_headers(
        ContentSettings(content_type="text/csv"), permission_key=key
    )
    share.get_directory_client("empty directory").delete_directory()
