"""The archives there are, with their media types."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.core.download_link import Form
from shared.formats.archive import ArchiveWriter
from shared.formats.tar_stream import TarWriter
from shared.formats.zip_stream import ZipWriter

WRITERS: Final[Mapping[Form, tuple[Callable[[], ArchiveWriter], str]]] = {
    Form.ZIP: (ZipWriter, "application/zip"),
    Form.TAR: (TarWriter, "application/x-tar"),
}
