"""Write and read small trees of NFS shares through the SDK: what a test compares is never read by the code under test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from azure.storage.fileshare import ContentSettings, ShareClient

from tests.support.share_tree import mkdir, put


@dataclass
class Node:
    """A node as a reader of the share sees it."""

    kind: str
    owner: str
    group: str
    mode: str
    times: tuple[str, ...]
    content: bytes | str = b""
    """The text of a symbolic link."""
    names: frozenset[str] = frozenset()
    """Of a file with several names: all of them."""
    links: int = 1
    metadata: dict[str, str] = field(default_factory=dict)
    headers: tuple[Any, ...] = ()


def link(share: ShareClient, path: str, target: str) -> None:
    """Give ``target`` one more name."""
    share.get_file_client(path).create_hardlink(target=quote(target))


def symlink(share: ShareClient, path: str, text: str, **kwargs: Any) -> None:
    """Make a symbolic link."""
    share.get_file_client(path).create_symlink(target=quote(text, safe=""), **kwargs)


def times_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Times to 100 ns; the SDK's objects have microseconds."""
    return tuple(headers[f"x-ms-file-{name}-time"] for name in ("creation", "last-write", "change"))


def read_tree(share: ShareClient) -> dict[str, Node]:
    """Every node by path, the root's is empty, with everything a restore promises to bring back."""
    tree: dict[str, Node] = {}
    ids: dict[str, list[str]] = {}

    headers: dict[str, str] = {}

    def look(answer: Any) -> None:
        headers.update(answer.http_response.headers)

    def node(properties: Any, **others: Any) -> Node:
        return Node(
            properties.nfs_file_type,
            properties.owner,
            properties.group,
            properties.file_mode,
            times_of(headers),
            metadata=properties.metadata or {},
            **others,
        )

    def walk(path: str) -> None:
        directory = share.get_directory_client(path) if path else share.get_directory_client()
        tree[path] = node(directory.get_directory_properties(raw_response_hook=look))
        for item in directory.list_directories_and_files(include=["timestamps", "Etag"]):
            child = f"{path}/{item.name}" if path else item.name
            if item.is_directory:
                walk(child)
                continue
            client = share.get_file_client(child)
            properties = client.get_file_properties(raw_response_hook=look)
            if properties.nfs_file_type == "SymLink":
                tree[child] = node(properties, content=unquote(client.get_symlink()["link_text"]))
                continue
            settings = properties.content_settings
            described = (
                settings.content_type,
                settings.content_encoding,
                settings.content_language,
                settings.content_disposition,
                settings.cache_control,
                bytes(settings.content_md5 or b""),
            )
            content = client.download_file().readall()
            tree[child] = node(properties, content=content, links=properties.link_count, headers=described)
            ids.setdefault(item.file_id, []).append(child)

    walk("")
    for paths in ids.values():
        for path in paths:
            tree[path].names = frozenset(paths)
    return tree


def differences(expected: dict[str, Node], found: dict[str, Node]) -> list[str]:
    """What a person would want to read when two trees differ."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"extra: {path}" for path in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        a, b = expected[path], found[path]
        for name in Node.__dataclass_fields__:
            if getattr(a, name) != getattr(b, name):
                lines.append(f"{path}: {name} {getattr(a, name)!r:.200} != {getattr(b, name)!r:.200}")
    return lines


def fill(share: ShareClient) -> None:
    """A small tree with something of everything."""
    put(share, "readme", b"hello\n", owner="1000", group="100", file_mode="0640")
    put(share, "empty", owner="7", file_mode="4755")
    mkdir(share, "bin", owner="3", group="4", file_mode="2711", metadata={"Team": "ops"})
    put(share, "bin/tool", b"#!/bin/sh\n" * 200, owner="3", group="4", file_mode="0755", metadata={"Kind": "script"})
    for n in range(7):
        put(share, f"data/f{n}", b"%d" % n * 3000, owner=str(n), file_mode="0644")
    put(share, "data/big", bytes(range(256)) * 300, owner="4294967295", group="4294967295", file_mode="0000")
    put(share, "data/large", bytes(5 * 1024 * 1024) + b"end", file_mode="0600")
    put(
        share,
        "data/typed",
        b"x",
        content_settings=ContentSettings(content_type="text/plain", content_language="en", content_md5=bytearray(16)),
    )
    # Hard links: in one directory, across directories, of an empty, a small, a chunked and a large file.
    link(share, "bin/tool2", "bin/tool")
    link(share, "data/tool3", "bin/tool")
    link(share, "Readme", "readme")  # a name that differs in case only
    link(share, "data/empty too", "empty")
    link(share, "bin/big too", "data/big")
    link(share, "data/large too", "data/large")
    link(share, "large, too", "data/large")
    # Symbolic links: to a file, to nothing, to a directory, in a circle, with a text of many bytes.
    symlink(share, "to readme", "readme", owner="5", group="6")
    symlink(share, "data/dangling", "../nowhere/é%41 +")
    symlink(share, "data/circle", "circle", metadata={"Round": "yes"})
    symlink(share, "bin/up", "..")
    symlink(share, "bin/long", "/" + "d/" * 900 + "end")
    share.get_directory_client("data").set_http_headers(owner="12", group="13", file_mode="1777")
    share.get_directory_client().set_http_headers(owner="21", group="22", file_mode="0750")
