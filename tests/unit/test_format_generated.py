"""The committed readers are what flatc makes of the schemas."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "shared" / "formats" / "_generated"


def sources(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


def test_generated_code_is_up_to_date(tmp_path):
    if shutil.which("flatc") is None:
        pytest.skip("flatc, the FlatBuffers compiler, is not installed")
    schemas = sorted(str(path) for path in (ROOT / "schema" / "fbs").glob("*.fbs"))
    subprocess.run(["flatc", "--python", "-o", str(tmp_path), *schemas], check=True)
    committed = sources(COMMITTED)
    del committed[Path("__init__.py")]  # by hand
    assert sources(tmp_path) == committed, "hint: make generate"


def test_no_field_was_taken_away_or_moved():
    """A field's place in its schema is part of the format: new ones go to the end."""
    version_1 = {
        "Manifest": (
            "DirectoryId PageNo RunNo Depth Ancestors PageNos Flags Names NodeIds FileIds Sizes Created Accessed Written Changed "
            "Modified Attributes Permissions SavedRuns ContentKinds ContentRuns ContentBatches ContentParts ContentNodes "
            "ContentOffsets ContentLengths ChunkCounts Chunks Digests Quickxors Md5s ContentTypes ContentEncodings "
            "ContentLanguages ContentDispositions CacheControls Metadata TextBytes TextEnds"
        ),
        "SegmentIndex": "DirectoryIds PageNos Offsets Lengths",
        "ContentList": "NodeId RunNo SizeBytes Digest Chunks Stretches States",
        "Point": (
            "TenantId ShareId RunNo TakenAt CommittedAt AccountUrl ShareName ShareSnapshot ShareProperties RootCreated "
            "RootWritten RootChanged RootAttributes RootPermission RootMetadata Directories Files Bytes Errors PreviousRunNo "
            "Segments TextBytes TextEnds"
        ),
    }
    for table, fields in version_1.items():
        source = (COMMITTED / "vault" / f"{table}.py").read_text()
        for number, field in enumerate(fields.split()):
            accessor = source.split(f"    def {field}(self", 1)[1].split("    def ", 1)[0]
            assert f"self._tab.Offset({4 + 2 * number})" in accessor, f"{table}.{field}"
