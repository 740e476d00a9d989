"""An Azure Files service for one machine, speaking the FileREST protocol.

Words used here, one meaning each:

* *account*: everything one process serves; it owns the shares and the permissions.
* *share*: a tree of nodes plus its *snapshots* (frozen earlier states of the tree).
* *node*: a *directory* or a *file*; its ``number`` is its identity, its FileId on the wire is derived from it.
* *place*: a directory and a name in it; a file of an NFS share may have several, and is one node in each.
* *epoch*: counts a share's snapshots. A node of an earlier epoch may be part of one and is cloned before it is changed.
* *block*: immutable bytes; an *extent* places part of a block in a file.
* *operation*: one row of the service's documented REST interface, named like ``file_create``.
* *ticks*: 100 ns since the year 1, the resolution of every time on the wire.

The package imports nothing from the rest of the project: it is the oracle the project is tested against.
"""
