"""Filling shares of an emulator that is a process: commands, memory, kill -9, other clients."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from azure.storage.fileshare import ShareClient

from tests.support.files_emulator import KEY, REPOSITORY, RawClient, running
from tests.unit.test_files_emulator_synthetic import differences, files, listed

EVERYTHING = "Timestamps,Etag,Attributes,PermissionKey"


def command(*arguments, fails=False):
    """Run a command and return what it printed: its result, or its error."""
    done = subprocess.run(
        [sys.executable, "-m", "localdev.files_emulator", *map(str, arguments)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert bool(done.returncode) == fails, done.stderr
    return done.stderr.strip().splitlines()[-1] if fails else json.loads(done.stdout)


def memory_mib(process, field="VmHWM"):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "tree"
    for d in range(5):
        (top / f"d{d}").mkdir(parents=True)
        for n in range(20):
            (top / f"d{d}" / f"file {n}.txt").write_bytes(os.urandom(n * 10))
    return top


def test_commands_fill_a_running_emulator(tree):
    with running() as emulator:
        control = ("--control", emulator.control_url)
        told = command("import", tree, "share", *control)
        assert (told["directories"], told["files"], told["skipped"], told["left_out"]) == (5, 100, 0, [])
        before = listed(emulator.raw)
        told = command("mutate", "share", "--percent", 20, "--seed", 7, *control)
        assert told["changed"] == 20
        kinds = {name: n for name, n in told.items() if isinstance(n, int) and name not in ("seed", "changed")}
        assert differences(before, listed(emulator.raw)) == {kind: n for kind, n in kinds.items() if n}

        assert command("synthetic", "many", "office:2k:5", *control)["files"] == 2000
        shape = {"profile": "photos", "files": 321, "seed": 2, "extensions": [["abc", 1]]}
        assert command("synthetic", "few", json.dumps(shape), *control)["files"] == 321
        assert len(files(listed(emulator.raw, share="few"))) == 321
        before = listed(emulator.raw, share="many")
        told = command("mutate", "many", "--percent", 5, *control)
        assert told["changed"] == 100
        assert differences(before, listed(emulator.raw, share="many")).total() == 100

        assert "there is a share many already" in command("synthetic", "many", "office:5", *control, fails=True)
        assert "there is no share none" in command("mutate", "none", *control, fails=True)
        assert "is not a directory" in command("import", tree / "none", "share", *control, fails=True)
        assert "no profile" in command("synthetic", "new", "town:5", *control, fails=True)
        assert "cannot be the name" in command("synthetic", "New", "office:5", *control, fails=True)
    assert "refused" in command("mutate", "many", *control, fails=True)


def test_commands_fill_an_emulator_that_is_not_running(tree, tmp_path):
    data = ("--data", tmp_path / "data")
    assert command("import", tree, "share", *data)["files"] == 100
    command("synthetic", "many", "flat:500:5", *data)
    assert command("mutate", "many", "--percent", 10, *data)["changed"] == 50
    with running(*map(str, data)) as emulator:
        found = files(listed(emulator.raw))
        assert len(found) == 100
        assert emulator.raw.get("share/d3/file%2019.txt").body == (tree / "d3" / "file 19.txt").read_bytes()
        names = [path for path in files(listed(emulator.raw, share="many")) if "(" in path]
        assert names, "added and renamed ones"
        assert "in use by another emulator" in command("mutate", "many", *data, fails=True)


def test_a_synthetic_share_outlives_kill_9(tmp_path):
    arguments = ("--data", str(tmp_path), "--synthetic", "big=office:1500:3")
    with running(*arguments) as emulator:
        snapshot = emulator.raw.snapshot("big")
        first = listed(emulator.raw, share="big")
        command("mutate", "big", "--percent", 10, "--control", emulator.control_url)
        path = sorted(files(listed(emulator.raw, share="big")))[7]
        assert emulator.raw.put(quote(path), b"mine").status == 201
        before = listed(emulator.raw, share="big")
        emulator.kill()
    with running(*arguments) as emulator:
        assert listed(emulator.raw, share="big") == before
        assert listed(emulator.raw, share="big", sharesnapshot=snapshot) == first
        assert emulator.raw.get(quote(path)).body == b"mine"


def test_killed_while_it_counts_a_mutation_an_emulator_has_it_all_the_same(tmp_path):
    arguments = ("--data", str(tmp_path), "--synthetic", "big=flat:1m:3")
    with running(*arguments) as emulator:
        usage = statistics(emulator)
        work = threading.Thread(target=begin, args=(emulator.control,))
        work.start()
        for _ in range(10_000):
            if page := names(emulator.raw, "("):
                break
        emulator.kill()
        work.join()
    with running(*arguments) as emulator:
        assert names(emulator.raw, "(") == page
        assert statistics(emulator) != usage


def begin(control):
    with suppress(OSError, http.client.HTTPException):  # the emulator will be killed before it answers
        control.ask("POST", "/shares/big/mutate", {"percent": 5})


def names(client, part):
    answer = client.list("big", maxresults="1000")
    return [name for name in re.findall(r"<Name>([^<]*)<", answer.body.decode()) if part in name]


def statistics(emulator):
    answer = emulator.raw.get("big", {"restype": "share", "comp": "stats"})
    return int(re.search(rb"<ShareUsageBytes>(\d+)<", answer.body)[1])


def test_ten_million_files_need_less_than_300_mib(tmp_path):
    with running("--synthetic", "big=office:10m:1") as emulator:
        waiting, directories, found = ["big"], 0, 0
        while waiting and directories < 2000:
            path = waiting.pop(directories % len(waiting))
            answer = emulator.raw.list(quote(path), include=EVERYTHING)
            assert answer.status == 200
            directories += 1
            found += answer.body.count(b"<File>")
            waiting += [f"{path}/{n}" for n in re.findall(r"<Directory><Name>([^<]*)<", answer.body.decode())]
            name = re.search(r"<File><Name>([^<&]*)<", answer.body.decode())
            if name and directories % 20 == 0:
                read = emulator.raw.get(quote(f"{path}/{name[1]}"), {}, {"x-ms-range": "bytes=0-99999"})
                assert read.status in (206, 416)
        assert directories == 2000
        assert found > 5000
        assert memory_mib(emulator.process) < 300


def test_a_hundred_million_files_in_one_directory_page_from_anywhere():
    with running("--synthetic", "flat=flat:100m:1") as emulator:
        for at in ("0", "3", "8", "a8", "ff"):
            marker = f"1!{len(b64encode(at.encode()))}!{b64encode(at.encode()).decode()}"
            answer = emulator.raw.list("flat", marker=marker, maxresults="1000", include=EVERYTHING)
            keys = [name.upper() for name in re.findall(r"<Name>([^<]*)<", answer.body.decode())]
            assert len(keys) == 1000
            assert keys == sorted(keys)
            assert keys[0] >= at.upper()
            following = re.search(r"<NextMarker>([^<]*)<", answer.body.decode())[1]
            again = emulator.raw.list("flat", marker=following, maxresults="1", include=EVERYTHING).body.decode()
            name = re.search(r"<Name>([^<]*)<", again)[1]
            assert name.upper() > keys[-1]
            assert emulator.raw.send("HEAD", f"flat/{quote(name)}").status == 200
        assert memory_mib(emulator.process) < 200


def test_the_sdk_reads_a_synthetic_share():
    with running("--synthetic", "big=deep:60:4") as emulator:
        share = ShareClient(emulator.url, "big", credential=KEY)
        expected = listed(emulator.raw, share="big")
        waiting, found = [""], 0
        while waiting:
            above = waiting.pop()
            for item in share.get_directory_client(above).list_directories_and_files():
                path = f"{above}/{item['name']}".strip("/")
                entry = expected[f"big/{path}"]
                if item["is_directory"]:
                    waiting.append(path)
                    continue
                found += 1
                assert item["size"] == int(entry["Content-Length"])
                properties = share.get_file_client(path).get_file_properties()
                assert properties.size == item["size"]
                assert properties.file_id == entry["FileId"]
                if 0 < item["size"] < 1 << 20:
                    data = share.get_file_client(path).download_file().readall()
                    assert data == RawClient.get(emulator.raw, quote(f"big/{path}")).body
        assert found == 60
