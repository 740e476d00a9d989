"""With ``--data``, an acknowledged write survives kill -9."""

import subprocess
import sys

from tests.support.files_emulator import REPOSITORY, running


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    data = str(tmp_path / "data")
    with running("--data", data) as emulator:
        raw = emulator.raw
        raw.create_share("share")
        raw.make_directory("share/d")
        for number in range(20):
            raw.put(f"share/d/f{number}", f"content {number}".encode(), {"x-ms-meta-n": str(number)})
        first = raw.snapshot("share")
        raw.put("share/d/f0", b"changed")
        raw.send("DELETE", "share/d/f1")
        key = raw.send(
            "PUT",
            "share",
            {"restype": "share", "comp": "filepermission"},
            {},
            b'{"permission": "O:SYG:SYD:(A;;FA;;;SY)"}',
        ).headers["x-ms-file-permission-key"]
        listing = raw.list("share/d", include="etag").body
        emulator.kill()
    with running("--data", data) as emulator:
        raw = emulator.raw
        assert raw.list("share/d", include="etag").body.replace(str(emulator.port).encode(), b"") != b""
        after = raw.list("share/d", include="etag").body
        assert after[after.index(b"<Entries>") :] == listing[listing.index(b"<Entries>") :]
        assert raw.get("share/d/f0").body == b"changed"
        assert raw.get("share/d/f0", {"sharesnapshot": first}).body == b"content 0"
        assert raw.get("share/d/f1", {"sharesnapshot": first}).headers["x-ms-meta-n"] == "1"
        assert raw.get("share/d/f1").status == 404
        found = raw.send(
            "GET", "share", {"restype": "share", "comp": "filepermission"}, {"x-ms-file-permission-key": key}
        )
        assert found.status == 200
        ids = {raw.get(f"share/d/f{n}").headers["x-ms-file-id"] for n in range(2, 20)}
        assert raw.put("share/d/new").headers["x-ms-file-id"] not in ids


def test_a_directory_serves_one_emulator_at_a_time(tmp_path):
    with running("--data", str(tmp_path)):
        second = subprocess.run(
            [sys.executable, "-m", "localdev.files_emulator", "--port", "0", "--data", str(tmp_path)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert second.returncode == 1
    assert "in use by another emulator" in second.stderr


def test_the_command_line_explains_itself_and_stops_cleanly():
    shown = subprocess.run(
        [sys.executable, "-m", "localdev.files_emulator", "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert "--data" in shown.stdout
    with running() as emulator:
        pass
    assert emulator.process.returncode == 0
