"""Changes a filled share in every way that a backup has to notice."""

import asyncio

from azure.storage.fileshare import ShareClient

from localdev.demo.account import Account
from localdev.demo.content import MIB, Given, Made
from localdev.demo.fill import fill
from localdev.demo.made_up import CROWD, OTHER_SDDL, SDDLS
from localdev.demo.plan import Facts, Headers, Plan, PlannedDirectory, PlannedFile

RENAMED = (CROWD.partition("/")[0], "measurements (archived)")
"""Old and new path of a directory that has the whole crowd two levels below it."""

RENAMED_AGAIN = (RENAMED[1], "measurements (kept)")
"""The same, for a change that is nothing but this."""

OTHER_TIME = "2003-03-03T03:03:03.0303030Z"


def change(account: Account, share: str, library: list[str]) -> tuple[str, ...]:
    """Change the share that ``made_up`` and a library tree were written to.

    :param library: paths of the library's files; some of them are changed, some deleted.
    :returns: what was done, for people.
    """
    with account.share(share) as client:
        edited, deleted = library[::997], library[1::499]
        _edit(client, edited)
        _replace(account, share)
        _delete(client, deleted)
        _move(client)
        _describe(client)
    added = _added()
    asyncio.run(fill(account, share, added))
    return (
        f"edited {len(edited) + 2} files, one of them at the same size and time; replaced one",
        f"added {len(added.files)} files and {len(added.directories)} directories",
        f"deleted {len(deleted)} files, a directory of 12 and an empty one; put a directory in a file's place",
        f"renamed {RENAMED[0]!r} to {RENAMED[1]!r}, with all that is below it; moved another directory",
        "moved a file, renamed two (one by case only), let two others exchange their names",
        "changed only: permission of a file and of a directory, metadata of both, attributes, times",
    )


def rename_only(account: Account, share: str) -> None:
    """Rename the directory above the crowd once more, and do nothing else."""
    old, new = RENAMED_AGAIN
    with account.share(share) as client:
        client.get_directory_client(old).rename_directory(new)


def _edit(client: ShareClient, paths: list[str]) -> None:
    """Append to some files; change one byte of two others."""
    for path in paths:
        file = client.get_file_client(path)
        size = file.get_file_properties().size
        more = b"\n# edited by the demo\n"
        file.resize_file(size + len(more))
        file.upload_range(more, size, len(more))
    client.get_file_client("office/page.html").upload_range(b"X", 20, 1, file_last_write_mode="preserve")
    client.get_file_client("media/take 03.mov").upload_range(b"X", 2 * MIB + 5, 1)


def _replace(account: Account, share: str) -> None:
    """Write a file anew, as editors do: same name, another FileId."""
    again = PlannedFile("office/team 0/report 01.txt", Given(b"written again\n" * 9), Facts(written=OTHER_TIME))
    asyncio.run(fill(account, share, Plan((), (again,))))


def _delete(client: ShareClient, paths: list[str]) -> None:
    for path in paths:
        client.get_file_client(path).delete_file()
    for number in range(12):
        client.get_file_client(f"office/team 4/report {number:02d}.txt").delete_file()
    client.get_directory_client("office/team 4").delete_directory()
    client.get_directory_client("empty/directory 03").delete_directory()
    client.get_file_client("empty/file 07").delete_file()  # a directory of this name is added


def _move(client: ShareClient) -> None:
    old, new = RENAMED
    client.get_directory_client(old).rename_directory(new)
    client.get_directory_client("names/level 00").rename_directory("office/level 00")
    for source, target in (
        ("office/summed.bin", "media/summed.bin"),
        ("office/typed.json", "office/typed, and renamed.json"),
        ("office/from the future.txt", "office/From The Future.txt"),
        ("names/plus + and & and ; and =.txt", "names/for a moment"),
        ("names/hash # sign.txt", "names/plus + and & and ; and =.txt"),
        ("names/for a moment", "names/hash # sign.txt"),
    ):
        client.get_file_client(source).rename_file(target)


def _describe(client: ShareClient) -> None:
    """Change what is not content, one thing at a time."""
    key = client.create_permission_for_share(OTHER_SDDL)
    directory = client.get_directory_client("office/described")
    directory.set_http_headers(file_attributes="preserve", permission_key=key)
    client.get_directory_client("media").set_directory_metadata({"Studio": "B", "Take": "2"})
    client.get_directory_client("office/kept 0").set_http_headers(
        file_attributes="preserve", file_last_write_time=OTHER_TIME
    )
    _set(client, "office/attributes 3.doc", permission_key=key)
    client.get_file_client("office/team 1/report 02.txt").set_file_metadata({"Seen": "by somebody"})
    _set(client, "office/team 1/report 04.txt", file_attributes="ReadOnly | Archive")
    _set(client, "office/team 2/report 05.txt", file_last_write_time=OTHER_TIME)


def _set(client: ShareClient, path: str, **options: str) -> None:
    """Set properties of a file and leave its content headers, which this request would clear."""
    file = client.get_file_client(path)
    settings = file.get_file_properties().content_settings
    file.set_http_headers(settings, **{"file_attributes": "preserve", **options})


def _added() -> Plan:
    hidden = Facts(attributes="Hidden | ReadOnly", sddl=SDDLS[2], metadata={"new": "yes"}, written=OTHER_TIME)
    directories = [
        PlannedDirectory("projects", Facts(sddl=SDDLS[1])),
        PlannedDirectory("projects/新しい", Facts(metadata={"new": "yes"}, written=OTHER_TIME)),
        PlannedDirectory("projects/empty"),
        PlannedDirectory("empty/file 07"),
    ]
    files = [PlannedFile(f"projects/新しい/note {n:02d}.txt", Given(b"new\n" * n)) for n in range(10)]
    files += [
        PlannedFile("empty/file 07/no longer empty", Given(b"full")),
        PlannedFile("office/team 3/added.txt", Given(b"added"), hidden, Headers(content_type="text/plain")),
        PlannedFile("media/take 04.mov", Made(4, 4 * MIB - 1)),
        PlannedFile("at the top.txt", Given(b"top")),
        PlannedFile("python/lib/added to the library.py", Given(b"pass\n")),
    ]
    return Plan(tuple(directories), tuple(files))
