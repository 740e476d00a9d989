"""The image of workers: what its Dockerfile says; and what would be in it, at work in a file system that is read-only but for one directory."""

import json
import re
import subprocess
import sys

import pytest

from shared.model.run import Driver, RunState
from tests.support import dockerfile
from tests.support.kustomize import K8S, pods, rendered
from tests.support.nested import REPOSITORY
from tests.support.share_tree import put
from tests.support.workers import environment
from tests.support.world import world

WORKER = """
import json, os, runpy, sys

opened = []

def hear(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        opened.append(str(arguments[0]))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "shutil.copyfile"):
        opened.append(str(arguments[0]))

sys.addaudithook(hear)

from shared.adapters import files_reader
from shared.usecases import list_directory
from shared.usecases.scope import Limits
from shared.usecases.sort_entries import SortedEntries

# So that a small share needs what a large one does: listings in parts that are kept on disk, and directories that are sorted there.
query = files_reader.query
files_reader.query = lambda **asked: query(**asked, **({"maxresults": "10"} if asked.get("comp") == "list" else {}))
list_directory.SPOOL_BYTES = 64
SortedEntries.of.__func__.__defaults__ = (11,)
Limits.__init__.__kwdefaults__.update(wide_entries=16, piece_entries=11, page_entries=5)

from worker.__main__ import main

code = main(sys.argv[1:])
print(json.dumps({"opened": opened}), flush=True)
sys.exit(code)
"""
READ_ONLY = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=64m tmpfs "$TMPDIR"
for at in $(awk '{print $5}' /proc/self/mountinfo | sort -u); do
    case $at in "$TMPDIR" | /proc* | /sys* | /dev*) continue ;; esac
    options=$(awk -v at="$at" '$5 == at {print $6}' /proc/self/mountinfo | tail -n 1 | sed -e 's/^rw/ro/')
    mount -o "remount,bind,$options" "$at"
done
for at in "$APP" "$APP/shared" /var/tmp /; do
    if (: >"$at/written") 2>/dev/null; then echo "$at can be written to" >&2; exit 99; fi
done
exec "$@"
"""
"""Makes all there is read-only but TMPDIR, which is empty and in memory, and sees that it is so."""


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


# ------------------------------------------------------------------------------------------------------------ what it says


def test_the_interpreter_is_pinned_by_version_and_content():
    for stage in dockerfile.stages():
        assert re.fullmatch(r"python:3\.12\.\d+-slim-\w+@sha256:[0-9a-f]{64}", stage.base)


def test_what_builds_is_not_in_what_runs():
    build, last = dockerfile.stages()
    assert (build.name, last.name) == ("build", "last")
    assert any("--requirement /tmp/requirements.txt" in line for line in build.all_of("RUN"))
    assert any("--without-pip" in line for line in build.all_of("RUN"))
    assert all("--from=build" in line for line in last.all_of("COPY"))
    assert last.all_of("RUN") == ["pip uninstall --yes --quiet pip"]
    assert not any("apt-get" in line for stage in (build, last) for line in stage.all_of("RUN"))


def test_python_is_told_by_signals_and_is_not_root():
    last = dockerfile.stages()[-1]
    (user,), (entry,), (command,) = last.all_of("USER"), last.all_of("ENTRYPOINT"), last.all_of("CMD")
    number = re.fullmatch(r"(\d+):\1", user)
    assert int(number[1]) >= 10_000
    assert [template["spec"]["securityContext"]["runAsUser"] for _, template in pods(rendered("overlays/dev"))] == [
        int(number[1])
    ] * 2
    assert (json.loads(entry), json.loads(command)) == (["python", "-m"], ["worker"]), "no shell in between"


def test_only_what_is_copied_goes_to_whoever_builds():
    wanted = {argument.split()[0] for argument in dockerfile.stages()[0].all_of("COPY")}
    lines = (K8S / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == wanted
    assert "*" in lines
    assert all((REPOSITORY / source).exists() for source in wanted)


# ------------------------------------------------------------------------------------------------------------- what it does


async def test_a_worker_needs_one_directory_to_write_to(files, tmp_path):
    for n in range(40):
        put(files.client(), f"wide/{n:02d}.bin", b"%d" % n)
    put(files.client(), "large.bin", b"x" * 5_000_000)
    backup = await files.queue_backup(Driver.WORKERS)
    said = run_in_the_image(files, tmp_path)
    opened = said.pop("opened")
    backup = await files.reload(backup)
    assert (backup.state, backup.counters.changed_files) == (RunState.SUCCEEDED, 41)
    assert any(path.startswith(said["TMPDIR"]) for path in opened), "it did use its disk"
    assert [path for path in opened if not path.startswith((said["TMPDIR"], "/dev/null"))] == []


def run_in_the_image(files, tmp_path):
    """One worker until there is nothing to do; what it opened to write to."""
    app, temporary, apart = tmp_path / "app", tmp_path / "tmp", ["unshare", "--mount", "--user", "--map-root-user"]
    dockerfile.put_together(app)
    temporary.mkdir()
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nobody here may have mounts of their own; hint: kernel.unprivileged_userns_clone")
    environ = environment(files) | {
        "TMPDIR": str(temporary),
        "APP": str(app),
        "HOME": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    python = [sys.executable, "-c", WORKER, "--until-idle"]
    done = subprocess.run(
        [*apart, "bash", "-c", READ_ONLY, "bash", *python],
        cwd=app,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {"TMPDIR": str(temporary), **json.loads(done.stdout.splitlines()[-1])}


def test_what_is_in_the_image_is_all_that_its_programs_need(tmp_path):
    """Imports of a copy of what the Dockerfile copies, far from the repository."""
    dockerfile.put_together(tmp_path / "app")
    programs = "import shared, worker.__main__, worker.downloads; print(shared.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", programs], cwd=tmp_path / "app", env={}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(tmp_path / "app" / "shared" / "__init__.py"), done.stderr
