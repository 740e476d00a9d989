"""Operations on a directory itself; listing it is ``ops_list``."""

from localdev.files_emulator import smb
from localdev.files_emulator.call import Call, as_directory, changed_headers, smb_headers, stored
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.metadata import headers_of, metadata_of
from localdev.files_emulator.ops_file import apply
from localdev.files_emulator.posix import kind_header, posix_of_changed, posix_of_new
from localdev.files_emulator.tree import Directory, find, find_parent


def directory_create(call: Call) -> Reply:
    """Create a directory in an existing one."""
    share, headers = call.writable_share(), call.headers
    metadata = metadata_of(call.request)
    now = call.account.clock.tick()
    wanted = smb.asked(headers, call.account.permissions, now, is_directory=True, mode="create", is_nfs=share.is_nfs)
    verbatim = smb.restores(headers, wanted)  # a directory has no archive bit to force
    if not call.path:
        raise ServiceError("ResourceAlreadyExists")
    parent = find_parent(share.root, call.path)
    old = parent.child(parent.key(call.path[-1]))
    if old is not None:
        raise ServiceError("ResourceAlreadyExists" if isinstance(old, Directory) else "ResourceTypeMismatch")
    posix = None if parent.posix is None else posix_of_new(headers, "Directory")

    parent = share.own_directory(call.path[:-1])
    directory = Directory(
        number=share.take_number(),
        parent_number=parent.number,
        name=call.path[-1],
        epoch=share.epoch,
        attributes=smb.DIRECTORY if wanted.attributes is None else wanted.attributes,
        permission_key=smb.permission_of_new(
            call.account.permissions, wanted, parent, is_directory=True, verbatim=verbatim
        ),
        created=now if wanted.created is None else wanted.created,
        accessed=now if wanted.created is None else wanted.created,
        written=now if wanted.written is None else wanted.written,
        changed=now if wanted.changed is None else wanted.changed,
        metadata=metadata,
        posix=posix,
    )
    share.hang(parent, directory)
    share.touch(parent, now)
    return stored(directory, 201)


def directory_get_properties(call: Call) -> Reply:
    """Describe a directory."""
    directory = as_directory(find(call.readable_root(), call.path))
    found = [
        *changed_headers(directory.changed),
        ("x-ms-server-encrypted", "true"),
        *smb_headers(directory),
        *headers_of(directory.metadata),
    ]
    if directory.posix is not None:
        found.append(kind_header(directory.posix, is_directory=True))
    return Reply(200, found)


def directory_delete(call: Call) -> Reply:
    """Delete an empty directory."""
    share = call.writable_share()
    directory = as_directory(find(share.root, call.path))
    if not call.path:
        raise ServiceError("InvalidUri")
    if not directory.is_empty():
        raise ServiceError("DirectoryNotEmpty")
    if directory.attributes & smb.READ_ONLY:
        raise ServiceError("ReadOnlyAttribute")
    parent = share.own_directory(call.path[:-1])
    share.take(parent, directory)
    share.touch(parent, call.account.clock.tick())
    return Reply(202)


def directory_set_properties(call: Call) -> Reply:
    """Change a directory's attributes, times or permission."""
    share = call.writable_share()
    directory = as_directory(find(share.root, call.path))
    now = call.account.clock.tick()
    wanted = smb.asked(call.headers, call.account.permissions, now, is_directory=True, mode="set", is_nfs=share.is_nfs)
    parent = find_parent(share.root, call.path) if call.path else None
    permission_key = smb.permission_of_changed(call.account.permissions, wanted, parent, directory)
    posix = None if directory.posix is None else posix_of_changed(call.headers, directory.posix)

    directory = share.own_directory(call.path)
    directory.permission_key, directory.posix = permission_key, posix
    apply(directory, wanted, now)
    share.changed(directory)
    return stored(directory, 200)


def directory_set_metadata(call: Call) -> Reply:
    """Replace a directory's metadata; none at all clears it."""
    share, metadata = call.writable_share(), metadata_of(call.request)
    as_directory(find(share.root, call.path))
    directory = share.own_directory(call.path)
    directory.metadata, directory.changed = metadata, call.account.clock.tick()
    share.changed(directory)
    return Reply(200, [*changed_headers(directory.changed), ("x-ms-request-server-encrypted", "true")])
