"""Find what lies at a path of a restore point."""

from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID
from shared.usecases.past import Past
from shared.usecases.read_manifests import Saved


async def find_saved(source: Saved, run_no: int, path: str, begin: tuple[str, int] = ("", ROOT_ID)) -> list[SavedEntry]:
    """The nodes on the way to what lies at ``path``, itself last; nothing for an empty path. Case counts only to tell names apart.

    :param begin: the directory from which the path leads: its own path, and its node id.
    :raises NotFound: there is no such node.
    :raises InvalidInput: a node on the way is a file.
    """
    told, node_id = begin
    past = Past(source.catalogue, source.vault, source.share.share_id)
    return await past.way(path, run_no, below=node_id, told=told)
