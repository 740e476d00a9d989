"""``afb`` as a person and as a script use it, against the whole product."""

import json
import os
import pty
import re
import secrets
import signal
import sys
import time
import zipfile

import pytest

from tests.support.afb import Afb
from tests.support.files_control import ControlClient
from tests.support.share_tree import differences, fill, put, read_tree, service


@pytest.fixture
def afb(product, tmp_path):
    return Afb(product, tmp_path)


@pytest.fixture
def files(product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    return service(product.files).get_share_client(name)


@pytest.fixture
def tenant(afb):
    return afb.json("tenants", "add", f"Contoso {secrets.token_hex(4)}")["tenant_id"]


@pytest.fixture
def share(afb, product, files, tenant):
    url = f"{product.files_url}/{files.share_name}"
    afb("shares", "add", url, "--tenant", tenant, "--name", "Finance", "--credential", "devstore")
    return f"{tenant}/finance"


def test_the_whole_story(afb, product, share, files, tmp_path):
    fill(files)
    first = afb("backup", share, "--follow")
    assert re.search(r"backup run 1 succeeded in .*: \d+ files", first.stdout)
    assert "restore point 1" in first.stdout

    put(files, "2026/new.txt", b"new")
    before = read_tree(files)
    assert afb.json("backup", share, "-f")["restore_point"] == 2

    listed = afb.lines("ls", f"{share}:/docs@1")
    assert [node["name"] for node in listed] == [n["name"] for n in afb.lines("ls", f"{share}:docs/", "--at", "1")]
    assert listed
    names = {node["name"] for node in afb.lines("ls", share)}
    assert names == {path for path in before if "/" not in path}
    assert afb("ls", share).stdout.splitlines()[0].split() == ["KIND", "SIZE", "WRITTEN", "STATE", "NAME"]

    (found,) = afb.lines("find", share, "new.*")
    assert found["path"] == "2026/new.txt"
    assert afb.lines("find", f"{share}:/docs", "new.*") == []
    (child,) = afb.lines("diff", share, "--from", "1")
    assert (child["name"], child["below"]["added_files"]) == ("2026", 1)
    (version,) = afb.lines("versions", f"{share}:/2026/new.txt")
    assert version["restore_points"] == {"first": 2, "last": 2, "count": 1}
    assert afb("cat", f"{share}:/2026/new.txt").stdout == "new"
    afb("get", f"{share}:/2026/new.txt@2")
    assert (tmp_path / "new.txt").read_bytes() == b"new"
    afb("get", f"{share}:/2026/new.txt@2", code=1)
    afb("get", f"{share}:/2026@2", "2026.zip", "--archive", "zip")
    with zipfile.ZipFile(tmp_path / "2026.zip") as archive:
        assert archive.read("2026/new.txt") == b"new"

    put(files, "2026/new.txt", b"overwritten by mistake")
    plan = afb("restore", f"{share}:/2026/new.txt@2", "--in-place", "--dry-run")
    assert "would write   1 files" in plan.stdout
    assert "1 replace" in plan.stdout
    assert read_tree(files)["2026/new.txt"].content == b"overwritten by mistake"
    done = afb("restore", f"{share}:/2026/new.txt@2", "--in-place", "--yes", "--follow")
    assert read_tree(files)["2026/new.txt"].content == b"new"
    (run_no,) = re.findall(r"restore run (\d+) succeeded", done.stdout)
    assert f"afb undo {share.rpartition('/')[0]}" in done.stderr or "afb undo" in done.stderr

    afb("undo", share, run_no, "--yes", "--follow")
    assert read_tree(files)["2026/new.txt"].content == b"overwritten by mistake"

    target = f"target-{secrets.token_hex(5)}"
    afb("restore", f"{share}@2", "--to", target, "--yes", "-f")
    assert differences(before, read_tree(service(product.files).get_share_client(target))) == []

    verified = afb("verify", share, "--level", "full", "--follow")
    assert re.search(r"verify run \d+ succeeded", verified.stdout)
    kinds = [run["kind"] for run in afb.lines("runs", "list", share)]
    assert kinds[-2:] == ["backup", "backup"]
    assert [point["restore_point"] for point in afb.lines("points", "list", share)] == [2, 1]
    events = [line["details"]["event"] for line in afb.lines("runs", "journal", share, "1")]
    assert events[0] == "opened"
    (usage,) = afb.lines("usage", "--tenant", share.split("/")[0])
    assert usage["restore_points"] == 2
    (stands,) = afb.lines("status", "--tenant", share.split("/")[0])
    assert stands["restore_point"]["restore_point"] == 2


def test_a_restore_to_elsewhere_puts_things_where_cp_would(afb, product, share, files):
    put(files, "a/b/deep/x.txt", b"x")
    put(files, "a/b/y.txt", b"y")
    afb("backup", share, "-f")
    target = f"target-{secrets.token_hex(5)}"
    afb("restore", f"{share}:/a/b", "--to", f"{target}:/back", "--yes", "-f")
    afb("restore", f"{share}:/a/b/y.txt", "--to", f"{target}:/one", "--yes", "-f")
    tree = read_tree(service(product.files).get_share_client(target))
    assert {path for path, node in tree.items() if node.kind == "file"} == {
        "back/b/deep/x.txt",
        "back/b/y.txt",
        "one/y.txt",
    }


def test_a_mirror_deletes_what_its_plan_says_and_nothing_else(afb, share, files):
    put(files, "d/keep.txt", b"k")
    afb("backup", share, "-f")
    put(files, "d/stranger.txt", b"s")
    mirror = ("restore", f"{share}:/d", "--in-place", "--conflicts", "mirror")
    assert "would DELETE  1 files" in afb(*mirror, "--dry-run").stdout
    asked = afb(*mirror, code=1)  # nobody to ask
    assert "--yes" in asked.stderr
    assert "d/stranger.txt" in read_tree(files)
    afb(*mirror, "--yes", "-f")
    assert "d/stranger.txt" not in read_tree(files)
    assert "d/keep.txt" in read_tree(files)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ls", "{tenant}/nothing"], 4, "has no share 'nothing'"),
        (["ls", "nobody/finance"], 4, "there is no tenant 'nobody'"),
        (["ls", "{share}"], 4, "has no restore point yet"),
        (["ls", "{share}@7"], 4, "7"),
        (["runs", "show", "{share}", "99"], 4, "99"),
        (["ls", "{share}@monday"], 2, "'monday' is no restore point"),
        (["restore", "{share}"], 2, "say where to"),
        (["frobnicate"], 2, "No such command"),
        (["shares", "set", "{share}", "requests_per_s=1"], 2, "requests_per_s"),
        (["shares", "set", "{share}", "colour=blue"], 2, "colour"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(afb, tenant, share, words, code, said):
    done = afb(*(word.format(tenant=tenant, share=share) for word in words), code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_wrong_field_is_named_for_people_and_for_programs(afb, share):
    people = afb("shares", "set", share, "exclude=[", "--json", code=2)
    problem = json.loads(people.stderr)
    assert problem["errors"][0]["field"].startswith("settings.exclude")
    assert problem["exit_code"] == 2
    assert "settings.exclude" in afb("shares", "set", share, "exclude=a[b", code=2).stderr


def test_what_an_installation_would_cost_is_shown_before_anything_is_protected(afb):
    shown = afb("cost", "--files", "1e9", "--shares", "10", "--account-kind", "hdd_provisioned")
    assert re.search(r"^first backup +[\d.]+ +\w", shown.stdout, re.MULTILINE)
    assert re.search(r"^catalogue, server +[\d,.]+ USD$", shown.stdout, re.MULTILINE)
    assert "together" in shown.stdout
    assert "assumed: " in shown.stderr
    found = afb.json("cost", "--files", "1e9", "--shares", "10")
    assert found["catalogue"]["server"] in shown.stdout
    wrong = afb("cost", "--files", "5", "--shares", "2", "--accounts", "3", code=2)
    assert "accounts" in wrong.stderr
    assert "1e9" in afb("cost", "--files", "many", code=2).stderr


def test_a_second_run_is_a_conflict(afb, product, share, files):
    put(files, "a.txt", b"a")
    control = ControlClient(product.files.control_url)
    unlisted = {"operation": "directory_list", "share": files.share_name, "status": 500, "code": "InternalError"}
    with control.faults(unlisted | {"count": 0}):  # as long as this lasts, no backup of the share can end
        afb("backup", share)
        second = afb("backup", share, code=5)
    assert "backup run 1" in second.stderr
    assert "succeeded" in afb("runs", "show", share, "1", "--follow").stdout


def test_files_that_could_not_be_saved_are_told_with_an_exit_code_of_their_own(afb, product, share, files):
    put(files, "good.txt", b"good")
    put(files, "bad.txt", b"bad")
    control = ControlClient(product.files.control_url)
    with control.faults(
        {
            "operation": "file_download",
            "path": "bad.txt$",
            "status": 409,
            "code": "SharingViolation",
            "count": 0,
        }
    ):
        done = afb("backup", share, "--follow", code=6)
    assert "completed_with_errors" in done.stdout
    assert "/bad.txt" in done.stderr
    kinds = {line["kind"] for line in afb.lines("runs", "journal", share, "1", "--kind", "unreadable")}
    assert kinds == {"unreadable"}


def test_a_file_larger_than_one_answer_is_downloaded_in_parts_and_an_empty_one_too(afb, share, files, tmp_path):
    content = secrets.token_bytes(1 << 20) * 33
    files.get_file_client("large.bin").upload_file(content)
    put(files, "empty.txt", b"")
    afb("backup", share, "--follow")
    afb("get", f"{share}:/large.bin")
    assert (tmp_path / "large.bin").read_bytes() == content
    afb("get", f"{share}:/empty.txt")
    assert (tmp_path / "empty.txt").read_bytes() == b""
    afb("get", f"{share}:/nothing.txt", code=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt", "large.bin"]


def test_a_run_that_failed_is_told_with_its_reason(afb, share, files):
    files.delete_share()
    done = afb("backup", share, "--follow", code=1)
    assert "failed" in done.stdout
    assert "ShareNotFound" in done.stdout or "share" in done.stdout


def test_an_app_that_is_away_is_unreachable(afb):
    done = afb("tenants", "list", code=7, AFB_URL="http://127.0.0.1:9")
    assert "cannot be reached" in done.stderr


def test_a_wrong_key_is_denied(afb):
    assert "not valid" in afb("tenants", "list", code=3, AFB_API_KEY="afb_wrong").stderr
    assert "begins with afb_" in afb("tenants", "list", code=2, AFB_API_KEY="wrong").stderr
    assert "not signed in" in afb("tenants", "list", code=3, AFB_URL="").stderr


def test_signing_in_is_remembered_and_forgotten(afb, product, tenant, tmp_path):
    own = {"AFB_URL": ""}
    key = afb("keys", "add", "script", "--role", "viewer", "--tenant", tenant).stdout.strip()
    (tmp_path / "key").write_text(key)
    afb("login", product.host_url, "--key", str(tmp_path / "key"), **own)
    assert oct((tmp_path / "config.json").stat().st_mode)[-3:] == "600"
    me = afb.json("whoami", **own)
    assert (me["url"], me["kind"], me["name"]) == (product.host_url, "key", "script")
    assert [grant["role"] for grant in me["grants"]] == ["viewer"]
    assert key not in json.dumps(me)
    assert [one["tenant_id"] for one in afb.lines("tenants", "list", **own)] == [tenant]
    afb("logout", **own)
    afb("tenants", "list", code=3, **own)
    afb("login", product.host_url, "--key", "-", "--check", typed=key, **own)
    assert not (tmp_path / "config.json").exists()


def test_a_key_may_do_what_its_role_may_until_it_is_revoked(afb, tenant, share):
    made = afb.json("keys", "add", "watcher", "--role", "viewer", "--tenant", tenant, "--days", "1")
    as_key = {"AFB_API_KEY": made["key"]}
    assert afb.json("shares", "show", share, **as_key)["name"] == "Finance"
    assert "may not" in afb("backup", share, code=3, **as_key).stderr
    (listed,) = [key for key in afb.lines("keys", "list", "--tenant", tenant) if key["key_id"] == made["key_id"]]
    assert "key" not in listed
    afb("keys", "revoke", made["key_id"], "--tenant", tenant, "--yes")
    afb("shares", "show", share, code=3, **as_key)


def test_accounts_are_given_to_a_tenant_and_taken_away(afb, tenant):
    made = afb.json(
        "accounts", "add", "https://contoso.file.core.windows.net", "--credential", "devstore", "--tenant", tenant
    )
    assert afb.lines("accounts", "list", "--tenant", tenant) == [made]
    afb("accounts", "add", made["account_url"], "--credential", "devstore", "--tenant", tenant, code=5)
    afb("accounts", "remove", str(made["account_id"]), "--tenant", tenant, "--yes")
    assert afb.lines("accounts", "list", "--tenant", tenant) == []
    assert afb.json("tenants", "rename", tenant, "Another name")["name"] == "Another name"


def test_members_are_given_roles_and_the_audit_says_who_did(afb, tenant, share):
    object_id = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
    member = afb.json("members", "add", object_id, "--name", "Ada", "--role", "operator", "--tenant", tenant)
    assert member["role"] == "operator"
    afb("members", "set", str(member["member_id"]), "--role", "viewer", "--tenant", tenant)
    assert [one["role"] for one in afb.lines("members", "list", "--tenant", tenant)] == ["viewer"]
    afb("members", "remove", str(member["member_id"]), "--tenant", tenant, "--yes")
    assert afb.lines("members", "list", "--tenant", tenant) == []
    told = afb.lines("audit", "--tenant", tenant, "--since", "1h")
    assert {entry["action"] for entry in told} >= {"members.change", "shares.create"}
    assert {entry["actor"] for entry in told} == {"developer"}


def test_settings_are_shown_as_they_were_set(afb, share):
    afb("shares", "set", share, "requests_per_s=500", "exclude=*.tmp,~$*", "keep_share_snapshot=false")
    settings = afb.json("shares", "show", share)["settings"]
    assert settings["requests_per_s"] == 500
    assert settings["exclude"] == ["*.tmp", "~$*"]
    assert settings["keep_share_snapshot"] is False
    afb("shares", "set", share, "requests_per_s=")
    assert afb.json("shares", "show", share)["settings"]["requests_per_s"] is None


def test_a_share_is_tried(afb, share, files):
    assert "failed" not in afb("shares", "test", share).stdout
    files.delete_share()
    gone = afb("shares", "test", share, code=1)
    assert "failed" in gone.stdout


def test_without_a_terminal_there_is_no_colour_and_no_bar(afb, share, files):
    put(files, "a.txt", b"a")
    done = afb("backup", share, "--follow", FORCE_COLOR="")
    listed = afb("ls", share)
    for text in (done.stdout, done.stderr, listed.stdout, listed.stderr):
        assert "\x1b" not in text


def on_a_terminal(afb, *words, seconds=120, interrupt=False, environ=None):
    """Exit code, and what a terminal showed; ``interrupt``: with Ctrl-C once something was shown, and again, as people do, if nothing comes of it."""
    pid, terminal = pty.fork()
    if pid == 0:
        # Whoever was started in the background ignores it, and so do its children; what a terminal starts does not.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(afb.cwd)
        os.execve(sys.executable, afb.command(*words), {**afb.environ, "TERM": "xterm-256color", **(environ or {})})
    shown, deadline, sent = b"", time.monotonic() + seconds, 0.0
    while time.monotonic() < deadline:
        try:
            block = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        shown += block
        if interrupt and time.monotonic() - sent > 5 and b"backup 1" in shown:
            os.kill(pid, signal.SIGINT)
            sent = time.monotonic()
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


def test_on_a_terminal_there_are_colour_and_bars(afb, share, files):
    put(files, "a.txt", b"a")
    code, shown = on_a_terminal(afb, "backup", share, "--follow")
    assert code == 0
    assert "\x1b[32msucceeded" in shown
    assert "files/s" in shown
    code, shown = on_a_terminal(afb, "runs", "list", share, environ={"NO_COLOR": "1"})
    assert code == 0
    assert "\x1b[32m" not in shown


def test_ctrl_c_leaves_the_run_going_and_says_how_to_follow_it(afb, product, share, files):
    put(files, "/".join("abcdefghijklmnopqrst") + "/deep.txt", b"x")  # each level is listed after the one above: 20 s
    control = ControlClient(product.files.control_url)
    with control.faults({"operation": "directory_list", "delay_s": 1.0, "count": 0}):
        code, shown = on_a_terminal(afb, "backup", share, "--follow", interrupt=True)
    assert code == 130
    assert "backup run 1 goes on" in shown
    (hint,) = re.findall(r"afb (runs show \S+ 1 --follow)", shown.replace("\r\n", " "))
    assert "succeeded" in afb(*hint.split()).stdout


def test_help_of_every_command_says_what_it_does(afb):
    import click

    from cli.app import afb as group
    from cli.commands import register

    register()

    def walk(command, words):
        assert command.help, words
        assert len(command.help.splitlines()[0]) < 160, words
        if isinstance(command, click.Group):
            for name, below in command.commands.items():
                walk(below, [*words, name])
        else:
            assert any("--json" in option.opts for option in command.params), words

    walk(group, ["afb"])
    assert "contoso/finance" in afb("--help").stdout
    assert "--in-place" in afb("restore", "--help").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(afb, shell):
    assert "_AFB_COMPLETE" in afb("completion", shell).stdout
