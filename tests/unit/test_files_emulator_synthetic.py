"""Synthetic shares: what pages say is what paths say, in every shape, under layers and under changes."""

import hashlib
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localdev.files_emulator.loading import open_account
from localdev.files_emulator.mutating import mutate
from localdev.files_emulator.names import key_of
from localdev.files_emulator.synthetic import make
from localdev.files_emulator.synthetic_content import ComputedBlock, computed_id
from localdev.files_emulator.synthetic_layers import KINDS
from localdev.files_emulator.synthetic_plan import Plan
from localdev.files_emulator.synthetic_shape import Shape, ShapeError, parse_recipe, shape_from
from localdev.files_emulator.tree import Directory, File, walk
from tests.support.crossed import crossed
from tests.support.files_emulator import REPOSITORY, InProcess

EVERYTHING = "Timestamps,Etag,Attributes,PermissionKey"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # fsync would be most of the time
PROFILES = ["office", "photos", "deep", "flat"]


def synthetic(recipe, emulator=None, name="share"):
    """Return an emulator with a synthetic share."""
    emulator = emulator or InProcess()
    shape = recipe if isinstance(recipe, Shape) else parse_recipe(recipe)
    make(emulator.account, name, Plan(shape))
    return emulator


def entries(emulator, path, page_size=5000, **query):
    """Return a directory's entries as elements, page by page."""
    found, marker = [], {}
    while True:
        answer = emulator.list(quote(path), include=EVERYTHING, maxresults=str(page_size), **marker, **query)
        assert answer.status == 200, answer.body
        root = ElementTree.fromstring(answer.body.decode("utf-8-sig"))
        page = list(root.find("Entries"))
        assert len(page) <= page_size
        found += page
        if not root.findtext("NextMarker"):
            return found
        assert len(page) == page_size
        marker = {"marker": root.findtext("NextMarker")}


def listed(emulator, page_size=5000, share="share", **query):
    """Return a whole share as its listings tell it: path -> (kind, FileId, size, ChangeTime, ...)."""
    found, waiting = {}, [share]
    while waiting:
        above = waiting.pop()
        here = entries(emulator, above, page_size, **query)
        keys = [key_of(entry.findtext("Name")) for entry in here]
        assert keys == sorted(set(keys)), above
        for entry in here:
            path = f"{above}/{entry.findtext('Name')}"
            texts = {child.tag: child.text for child in entry.iter()}
            found[path] = {"kind": entry.tag, **texts}
            if entry.tag == "Directory":
                waiting.append(path)
    return found


def files(tree):
    return {path: entry for path, entry in tree.items() if entry["kind"] == "File"}


def finish(steps):
    *_, last = steps
    return dict(last)


def content(emulator, path, size, **query):
    """Return the hash of a file's content, read in pieces."""
    hasher, at = hashlib.sha256(), 0
    while at < size:
        end = min(size, at + 4 * 1024 * 1024)
        answer = emulator.get(quote(path), query, {"x-ms-range": f"bytes={at}-{end - 1}"})
        assert answer.status == 206
        assert len(answer.body) == end - at
        hasher.update(answer.body)
        at = end
    return hasher.hexdigest()


@pytest.mark.parametrize("recipe", [f"{profile}:{n}:{n}" for profile in PROFILES for n in (1, 7, 700)])
def test_a_share_has_the_files_it_was_asked_for_and_every_one_is_where_the_pages_say(recipe):
    emulator = synthetic(recipe)
    tree = listed(emulator, page_size=13)
    assert listed(emulator, page_size=5000) == tree
    assert len(files(tree)) == int(recipe.split(":")[1])
    assert len({entry["FileId"] for entry in tree.values()}) == len(tree)
    total = 0
    for path, entry in tree.items():
        is_file = entry["kind"] == "File"
        answer = emulator.send("HEAD", quote(path), {} if is_file else {"restype": "directory"})
        assert answer.status == 200
        for header, tag in (
            ("x-ms-file-id", "FileId"), ("x-ms-file-creation-time", "CreationTime"), ("etag", "Etag"),
            ("x-ms-file-last-write-time", "LastWriteTime"), ("x-ms-file-change-time", "ChangeTime"),
            ("x-ms-file-attributes", "Attributes"), ("x-ms-file-permission-key", "PermissionKey"),
        ):  # fmt: skip
            assert answer.headers[header] == entry[tag], (path, header)
        above = path.rpartition("/")[0]
        assert answer.headers["x-ms-file-parent-id"] == (tree[above]["FileId"] if above in tree else "0")
        if is_file:
            assert answer.headers["content-length"] == entry["Content-Length"]
            total += int(entry["Content-Length"])
    stats = emulator.get("share", {"restype": "share", "comp": "stats"}).body
    assert f"<ShareUsageBytes>{total}</ShareUsageBytes>".encode() in stats


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_have_the_files_per_directory_they_promise(profile):
    plan = Plan(parse_recipe(f"{profile}:200000"))
    mean = plan.files / plan.directories
    expected = {"office": 10.4, "photos": 120, "deep": 2, "flat": 200_000}[profile]
    assert mean == pytest.approx(expected, rel=0.02)
    depth, at = 0, plan.directories - 1
    while at:
        depth, at = depth + 1, plan.parent(at)
    expected = {"office": 8, "photos": 3, "deep": 40, "flat": 0}[profile]
    assert 0.9 * expected <= depth <= expected


def test_names_of_the_office_profile_have_about_twenty_characters():
    emulator = synthetic("office:5000")
    names = [path.rpartition("/")[2] for path in files(listed(emulator))]
    assert 18 < sum(map(len, names)) / len(names) < 23
    longer = synthetic(shape_from({"files": 2000, "name_chars": 90}))
    names = [path.rpartition("/")[2] for path in files(listed(longer))]
    assert 80 < sum(map(len, names)) / len(names) < 100
    assert max(map(len, names)) < 200


def test_a_prefix_finds_what_begins_with_it():
    emulator = synthetic("flat:3000")
    everything = listed(emulator)
    for prefix in ("0", "a", "7f", "7F3", "zz"):
        found = [entry.findtext("Name") for entry in entries(emulator, "share", 100, prefix=prefix)]
        assert found == [name for path in everything if key_of(name := path[6:]).startswith(key_of(prefix))]


def test_the_same_recipe_is_the_same_share_in_every_process():
    code = (
        "import hashlib\nfrom tests.unit.test_files_emulator_synthetic import *\n"
        "tree = listed(synthetic('office:400:5'))\nprint(hashlib.sha256(repr(sorted(tree.items())).encode()).hexdigest())"
    )
    here = hashlib.sha256(repr(sorted(listed(synthetic("office:400:5")).items())).encode()).hexdigest()
    for seed in ("0", "99"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)}
        shown = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env=environment, text=True, check=True
        )
        assert shown.stdout.strip() == here
    assert listed(synthetic("office:400:6")) != listed(synthetic("office:400:5"))


@pytest.mark.parametrize(
    ("recipe", "digest"),
    [
        ("office:3000:5", "4c359cbd8273e453"),
        ("photos:500:1", "e7065dd69512aaf5"),
        ("deep:300:2", "4fa902a0c06959b0"),
        ("flat:1000:3", "82a6127d64a2e60e"),
    ],
)
def test_a_recipe_is_the_same_share_in_every_version_of_python(recipe, digest):
    plan, hasher = Plan(parse_recipe(recipe)), hashlib.sha256()
    for d in range(plan.directories):
        hasher.update((plan.directory_name(d) if d else "").encode())
        hasher.update(repr(plan.directory_times(d)).encode())
        for row in plan.facts(range(*plan.slots(d)), d):
            hasher.update(repr(row).encode())
            hasher.update(b"".join(ComputedBlock(row[2]).parts(0, min(row[1], 50))))
    assert hasher.hexdigest()[:16] == digest, "recorded with Python 3.11, 3.12 and 3.13"


def test_ranges_are_parts_of_the_whole_and_the_range_list_covers_it():
    emulator = synthetic("photos:5:3")
    path, entry = max(files(listed(emulator)).items(), key=lambda item: int(item[1]["Content-Length"]))
    size = int(entry["Content-Length"])
    whole = b""
    for at in range(0, size, 1 << 20):
        end = min(size, at + (1 << 20)) - 1
        whole += emulator.get(quote(path), {}, {"x-ms-range": f"bytes={at}-{end}"}).body
    for low, high in ((0, 0), (65_535, 65_536), (size - 3, size - 1), (100_001, 333_333)):
        assert emulator.get(quote(path), {}, {"x-ms-range": f"bytes={low}-{high}"}).body == whole[low : high + 1]
    ranges = emulator.get(quote(path), {"comp": "rangelist"}).body
    assert f"<Range><Start>0</Start><End>{size - 1}</End></Range>".encode() in ranges


def test_some_contents_come_twice_and_all_others_once():
    emulator = synthetic(shape_from({"files": 1024, "median_bytes": 300, "sigma": 0.5, "duplicates": 0.25, "large": 0}))
    hashes = Counter(
        content(emulator, path, int(entry["Content-Length"]))
        for path, entry in files(listed(emulator)).items()
        if entry["Content-Length"] != "0"
    )
    twice = sum(n for n in hashes.values() if n > 1)
    assert 0.15 < twice / 1024 < 0.35


def many_contents(extension, size=13_500, count=1000):
    drawn = Random(extension)
    return [b"".join(ComputedBlock(computed_id(drawn.getrandbits(64), extension)).parts(0, size)) for _ in range(count)]


@pytest.mark.parametrize(("extension", "least", "most"), [(".pdf", 0.999, 1.01), (".txt", 0.55, 0.59)])
def test_files_compress_as_they_should_and_not_better_because_they_are_together(extension, least, most):
    contents = many_contents(extension)
    together = zstandard.ZstdCompressionParameters.from_level(9, window_log=24, enable_ldm=True)
    for compressor, data in (
        (zstandard.ZstdCompressor(level=9), contents[0]),
        (zstandard.ZstdCompressor(compression_params=together), b"".join(contents)),
        (zstandard.ZstdCompressor(compression_params=together), many_contents(extension, size=8 << 20, count=1)[0]),
    ):
        assert least < len(compressor.compress(data)) / len(data) < most


def test_contents_differ_from_their_beginning_on_and_one_piece_after_the_other():
    assert len({content[:16] for kind in (".pdf", ".txt") for content in many_contents(kind)}) == 2000
    one = many_contents(".pdf", size=100 * 65_536, count=1)[0]
    assert len({one[at : at + 8] for at in range(0, len(one), 65_536)}) == 100


@given(
    files=st.integers(1, 800),
    seed=st.integers(0, 1 << 40),
    mean=st.sampled_from([0, 1, 2.5, 10.4, 300]),
    tail=st.sampled_from([0, 1.25, 2]),
    depth=st.integers(0, 12),
    name_chars=st.sampled_from([0, 60]),
)
@settings(max_examples=25, deadline=None)
def test_any_shape_has_its_files_in_order_and_its_bytes_add_up(files, seed, mean, tail, depth, name_chars):
    shape = Shape(files=files, seed=seed, files_per_directory=mean, tail=tail, depth=depth, name_chars=name_chars)
    emulator = synthetic(shape)
    root = emulator.account.shares["share"].root
    nodes = list(walk(root))
    assert sum(isinstance(node, File) for node in nodes) == files
    assert sum(node.size for node in nodes if isinstance(node, File)) == root.usage_bytes()
    for directory in [root, *(node for node in nodes if isinstance(node, Directory))][:20]:
        page, following = directory.page("", "", 5000)
        keys = [key_of(node.name) for node in page]
        assert keys == sorted(set(keys))
        assert len(page) == len(list(directory.children())) or following
        for node in page[:20]:
            found = directory.child(key_of(node.name))
            if isinstance(found, File) and not node.extents:  # a page of many says nothing of their content
                found = replace(found, extents=())
            assert found == node


def test_a_shape_that_cannot_be_is_refused_with_the_reason():
    for record, why in (
        ({}, "number of files"), ({"files": 0}, "files is 0"), ({"files": 5, "profile": "x"}, "no profile"),
        ({"files": 5, "colour": 1}, "no field 'colour'"), ({"files": 5, "tail": 0.5}, "tail"),
        ({"files": 5, "depth": 500}, "depth"), ({"files": 5, "styles": ["x"]}, "styles"), ({"files": "5"}, "files"),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=why):
            shape_from(record)
    for text in ("office", "office:", "office:x", "office:5:x", "nothing:5"):
        with pytest.raises(ShapeError):
            parse_recipe(text)


def differences(before, after):
    """Return how many files changed in which way between two trees, by FileId, as an observer finds out."""
    old = {entry["FileId"]: (path, entry) for path, entry in files(before).items()}
    new = {entry["FileId"]: (path, entry) for path, entry in files(after).items()}
    found = Counter(deleted=len(old.keys() - new.keys()), added=len(new.keys() - old.keys()))
    for id_ in old.keys() & new.keys():
        (path, was), (there, now) = old[id_], new[id_]
        if was == now and path == there:
            continue
        assert was["Etag"] != now["Etag"]
        assert was["ChangeTime"] < now["ChangeTime"]
        if path != there:
            moved = path.rpartition("/")[0] != there.rpartition("/")[0]
            found["moved" if moved else "renamed"] += 1
            assert was["LastWriteTime"] == now["LastWriteTime"]
        elif was["LastWriteTime"] != now["LastWriteTime"]:
            found["content"] += 1
        else:
            found["attributes" if was["Attributes"] != now["Attributes"] else "metadata"] += 1
            assert was["Content-Length"] == now["Content-Length"]
    return +found


def touched_directories(before, after):
    """Return the directories whose lists of names differ, without those new or gone."""

    def names(tree):
        found = {path: set() for path, entry in tree.items() if entry["kind"] == "Directory"} | {"share": set()}
        for path, entry in tree.items():
            above, _, name = path.rpartition("/")
            found[above].add((name, entry["FileId"]))
        return found

    old, new = names(before), names(after)
    return {path for path in old.keys() & new.keys() if old[path] != new[path]}


@pytest.mark.parametrize(
    ("recipe", "percent"),
    [
        ("office:1500:1", 2),
        ("office:1000:1", 60),
        ("deep:600:2", 30),
        ("flat:2500:3", 5),
        pytest.param("flat:11000:5", 1, marks=pytest.mark.torture),
    ],
)
def test_a_mutation_does_what_it_reports_and_a_snapshot_keeps_what_was(recipe, percent):
    emulator = synthetic(recipe)
    share = emulator.account.shares["share"]
    count = len(files(listed(emulator)))
    before = listed(emulator)
    for seed in (1, 2):
        snapshot = emulator.snapshot("share")
        usage = share.root.usage_bytes()
        counts = finish(mutate(emulator.account, share, percent, seed))
        after = listed(emulator)
        assert listed(emulator, sharesnapshot=snapshot) == before
        assert differences(before, after) == +Counter(counts)
        assert share.root.usage_bytes() == sum(int(e["Content-Length"]) for e in files(after).values())
        assert share.root.usage_bytes() != usage
        if seed == 1 and count <= 10_000:
            assert sum(counts.values()) == round(count * percent / 100)
        changed = {path for path in before if path in after and before[path] != after[path]}
        for path in touched_directories(before, after) - {"share"}:
            assert path in changed, "its times say so"
        for path, entry in before.items():
            if entry["kind"] == "Directory" and path not in touched_directories(before, after):
                assert after[path] == entry
        before = after


@pytest.mark.parametrize("recipe", ["office:200:3", "flat:200:3"])
def test_what_clients_changed_is_mutated_as_what_it_has_become(recipe):
    emulator = synthetic(recipe)
    tree = listed(emulator)
    for path, entry in list(files(tree).items())[::3]:
        if "ReadOnly" not in entry["Attributes"]:
            assert emulator.send("DELETE", quote(path)).status == 202
    for path in list(files(listed(emulator)))[::2]:
        assert emulator.send("PUT", quote(path), {"comp": "metadata"}, {"x-ms-meta-k": "v"}).status == 200
    for n in range(20):
        assert emulator.put(f"share/mine{n}", b"x").status == 201
    for seed in range(3):
        before = listed(emulator)
        counts = finish(mutate(emulator.account, emulator.account.shares["share"], 50, seed))
        assert differences(before, listed(emulator)) == +Counter(counts)


@pytest.mark.parametrize(("recipe", "percent"), crossed(["office:300:3", "flat:21000:3"], [100, 0.01, 0]))
def test_a_mutation_may_be_of_nothing_of_one_file_and_of_all(recipe, percent):
    emulator = synthetic(recipe)
    before = listed(emulator)
    counts = finish(mutate(emulator.account, emulator.account.shares["share"], percent, 1))
    after = listed(emulator)
    assert differences(before, after) == +Counter(counts)
    if not percent:
        assert before == after
    if percent == 0.01:
        assert counts == {**dict.fromkeys(KINDS, 0), "content": counts["content"], "skipped": 0}
        assert {path for path in before if before[path] != after[path]} <= files(before).keys(), "no directory"
    if percent == 100:
        assert sum(counts.values()) == len(files(before))


def test_a_mutation_is_the_same_wherever_it_is_made():
    def mutated(seed):
        emulator = synthetic("office:2000:1")
        counts = finish(mutate(emulator.account, emulator.account.shares["share"], 5, seed))
        return counts, {(p, e["FileId"], e.get("Content-Length")) for p, e in listed(emulator).items()}

    assert mutated(1) == mutated(1)
    assert mutated(1)[1] != mutated(2)[1]


def test_a_range_diff_tells_what_a_mutation_wrote():
    emulator = synthetic("photos:400:1")
    share = emulator.account.shares["share"]
    before = listed(emulator)
    snapshot = emulator.snapshot("share")
    finish(mutate(emulator.account, share, 10, 1))
    after = {entry["FileId"]: (path, entry) for path, entry in files(listed(emulator)).items()}
    checked = Counter()
    for path, was in files(before).items():
        there, now = after.get(was["FileId"], (None, None))
        if there is None:
            continue
        query = {"comp": "rangelist", "prevsharesnapshot": snapshot}
        answer = emulator.get(quote(there), query, {"x-ms-file-support-rename": "true"})
        assert answer.status == 200
        old_size, size = int(was["Content-Length"]), int(now["Content-Length"])
        changed = [
            (int(r.findtext("Start")), int(r.findtext("End")) + 1)
            for r in ElementTree.fromstring(answer.body.decode("utf-8-sig"))
        ]
        if now["LastWriteTime"] == was["LastWriteTime"]:
            assert changed == []
            continue
        assert changed
        checked["content"] += 1
        unchanged_to = min(changed[0][0], old_size, 1 << 20)
        if unchanged_to:
            part = {"x-ms-range": f"bytes=0-{unchanged_to - 1}"}
            earlier = emulator.get(quote(path), {"sharesnapshot": snapshot}, part).body
            assert emulator.get(quote(there), {}, part).body == earlier
        low, high = changed[0][0], min(changed[0][1], changed[0][0] + 1000)
        if high <= old_size:
            part = {"x-ms-range": f"bytes={low}-{high - 1}"}
            earlier = emulator.get(quote(path), {"sharesnapshot": snapshot}, part).body
            assert emulator.get(quote(there), {}, part).body != earlier or high - low < 4
        assert size >= changed[-1][1]
    assert checked["content"] > 10


def test_an_ordinary_share_is_mutated_node_by_node():
    emulator = InProcess()
    emulator.create_share("share")
    for d in range(10):
        emulator.make_directory(f"share/d{d}")
        for n in range(40):
            assert emulator.put(f"share/d{d}/f{n}.txt", b"x" * n).status == 201
    before, snapshot = listed(emulator), emulator.snapshot("share")
    counts = finish(mutate(emulator.account, emulator.account.shares["share"], 25, 3))
    assert sum(counts[kind] for kind in KINDS) == 100
    assert all(counts[kind] for kind in KINDS)
    assert differences(before, listed(emulator)) == +Counter(counts)
    assert listed(emulator, sharesnapshot=snapshot) == before


PICK = st.integers(0, 1 << 30)


class Overlay(RuleBasedStateMachine):
    """Clients change a synthetic share while it is mutated, frozen and reopened; a model of paths has to agree."""

    recipe = "office:60:3"

    @initialize()
    def start(self):
        self.stack = ExitStack()
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
        self.store = None
        self.open()
        synthetic(self.recipe, self.emulator)
        self.store.commit()
        self.model = listed(self.emulator)
        self.frozen = {}
        self.made = 0

    def open(self):
        if self.store is not None:
            self.store.close()
        account, self.store = open_account(self.directory)
        self.emulator = InProcess(account, self.store)

    def some(self, kind, pick):
        paths = sorted(path for path, entry in self.model.items() if entry["kind"] == kind)
        return paths[pick % len(paths)] if paths else None

    def above(self, pick):
        return self.some("Directory", pick) if pick % 5 else "share"

    def fresh(self):
        self.made += 1
        return f"New{self.made}.txt" if self.made % 2 else f"a{self.made}"

    def send(self, status, method, path, query=None, headers=None, body=b""):
        answer = self.emulator.send(method, quote(path), query, headers, body)
        assert answer.status == status, (answer.status, answer.body)
        return answer

    @rule(pick=PICK, replaces=st.booleans())
    def put(self, pick, replaces):
        path = self.some("File", pick) if replaces else f"{self.above(pick) or 'share'}/{self.fresh()}"
        if path and not (replaces and "ReadOnly" in self.model[path]["Attributes"]):
            assert self.emulator.put(quote(path), b"abc").status == 201
            self.check_changed({path})

    @rule(pick=PICK)
    def set_metadata(self, pick):
        path = self.some("File", pick)
        if path:
            self.send(200, "PUT", path, {"comp": "metadata"}, {"x-ms-meta-k": "v"})
            self.check_changed({path})

    @rule(pick=PICK)
    def touch_directory(self, pick):
        path = self.some("Directory", pick)
        if path:
            self.send(200, "PUT", path, {"comp": "metadata", "restype": "directory"}, {"x-ms-meta-k": "v"})
            self.check_changed({path})

    @rule(pick=PICK)
    def write(self, pick):
        path = self.some("File", pick)
        if path and int(self.model[path]["Content-Length"]) > 5 and "ReadOnly" not in self.model[path]["Attributes"]:
            headers = {"x-ms-write": "update", "x-ms-range": "bytes=1-3"}
            self.send(201, "PUT", path, {"comp": "range"}, headers, b"xyz")
            self.check_changed({path})
            part = self.emulator.get(quote(path), {}, {"x-ms-range": "bytes=0-4"}).body
            assert part[1:4] == b"xyz"

    @rule(pick=PICK)
    def delete(self, pick):
        path = self.some("File", pick)
        if path and "ReadOnly" not in self.model[path]["Attributes"]:
            self.send(202, "DELETE", path)
            self.check_changed({path})

    @rule(pick=PICK)
    def delete_directory(self, pick):
        path = self.some("Directory", pick)
        if path:
            is_empty = not any(other.startswith(path + "/") for other in self.model)
            self.send(202 if is_empty else 409, "DELETE", path, {"restype": "directory"})
            self.check_changed({path} if is_empty else set())

    @rule(pick=PICK)
    def delete_tree(self, pick):
        top = self.some("Directory", pick)
        below = [path for path in self.model if top and path.startswith(top + "/")]
        if top and len(below) < 30 and not any("ReadOnly" in self.model[path]["Attributes"] for path in below):
            for path in [*sorted(below, reverse=True), top]:
                is_file = self.model[path]["kind"] == "File"
                self.send(202, "DELETE", path, {} if is_file else {"restype": "directory"})
            self.check_changed({*below, top})

    @rule(pick=PICK, goal=PICK, kind=st.sampled_from(["File", "Directory"]))
    def rename(self, pick, goal, kind):
        path, above = self.some(kind, pick), self.above(goal) or "share"
        if not path or f"{above}/".startswith(f"{path}/"):
            return
        there = f"{above}/{self.fresh()}"
        headers = {"x-ms-file-rename-source": f"http://127.0.0.1/devstoreaccount1/{quote(path)}"}
        query = {"comp": "rename", **({"restype": "directory"} if kind == "Directory" else {})}
        id_ = self.model[path]["FileId"]
        self.send(200, "PUT", there, query, headers)
        below = {p for p in self.model if p.startswith(path + "/")}
        self.check_changed({path, there, *below, *(there + p[len(path) :] for p in below)})
        assert self.model[there]["FileId"] == id_

    @rule(seed=st.integers(0, 9), percent=st.sampled_from([5, 40]))
    def mutate(self, seed, percent):
        share = self.emulator.account.shares["share"]
        counts = finish(mutate(self.emulator.account, share, percent, seed))
        self.store.commit()
        before, self.model = self.model, listed(self.emulator)
        assert differences(before, self.model) == +Counter(counts)

    @rule()
    def take_snapshot(self):
        if len(self.frozen) < 4:
            self.frozen[self.emulator.snapshot("share")] = dict(self.model)

    @rule(pick=PICK)
    def drop_snapshot(self, pick):
        if self.frozen:
            id_ = sorted(self.frozen)[pick % len(self.frozen)]
            self.send(202, "DELETE", "share", {"restype": "share", "sharesnapshot": id_})
            del self.frozen[id_]

    @rule()
    def reopen(self):
        self.open()

    def check_changed(self, expected):
        """Take over the new state; only ``expected`` and directories may differ from before."""
        before, self.model = self.model, listed(self.emulator)
        for path in before.keys() | self.model.keys():
            if path not in expected and before.get(path) != self.model.get(path):
                assert before[path]["kind"] == self.model[path]["kind"] == "Directory", path
        for path in expected:
            assert before.get(path) != self.model.get(path), path

    @invariant()
    def agree(self):
        assert listed(self.emulator, page_size=7) == self.model
        for id_, tree in self.frozen.items():
            assert listed(self.emulator, sharesnapshot=id_) == tree
        usage = sum(int(entry["Content-Length"]) for entry in files(self.model).values())
        root = self.emulator.account.shares["share"].root
        nodes = [node for node in walk(root) if isinstance(node, File)]
        assert sum(node.size for node in nodes) == usage
        stored = sum(e.end - e.start for node in nodes for e in node.extents if e.block.id > 0)
        assert root.usage_bytes() == stored

    def teardown(self):
        if getattr(self, "store", None) is not None:
            self.store.close()
        if hasattr(self, "stack"):
            self.stack.close()


class FlatOverlay(Overlay):
    recipe = "flat:40:1"


TestOverlay = Overlay.TestCase
TestOverlay.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestFlatOverlay = FlatOverlay.TestCase
TestFlatOverlay.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
