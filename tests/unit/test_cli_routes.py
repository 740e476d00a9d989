"""Whatever the API can do, ``afb`` can: each command is run against what the API's document describes, and together they ask for every route."""

import io
import shlex
import sys
import traceback

import click
import pytest

from cli.app import afb, run
from cli.commands import register
from tests.support.document import ROUTES, served

NOT_FOR_PEOPLE = {
    ("GET", "/api/openapi.json"): "is for programs that make clients; curl has it",
    (
        "GET",
        "/api/tenants/{tenant_id}/policies/{policy_id}",
    ): "a policy is named by its name, and the list has all of it",
    (
        "GET",
        "/api/tenants/{tenant_id}/shares/{share_id}/runs/{run_no}/journal-lines",
    ): "what the page of a journal downloads; the command prints the same lines with --json",
}
"""Routes that no command asks for, and why not."""

COMMANDS = """
    whoami
    tenants list
    tenants show x
    tenants add Contoso --id contoso
    tenants rename x Another
    tenants limits x
    tenants limits x --runs-at-once 4
    tenants limits x --runs-at-once none
    tenants delete x --reason 'no customer any more' --yes
    tenants undelete x
    tenants purge x --confirm x
    shares list
    shares show x/x
    shares add https://contoso.file.core.windows.net/finance --credential contoso --set requests_per_s=500
    shares test x/x
    shares set x/x exclude=*.tmp objective_s=90000 watch_changes=false
    shares windows x/x
    shares windows x/x 'mon-fri 20:00-06:00' 'sat,sun 00:00-24:00' --zone Europe/Berlin --pause
    shares windows x/x none
    shares pace x/x
    shares pace x/x '08:00-18:00 requests_per_s=50 bytes_per_s=none'
    shares delete x/x --reason moved --yes
    shares undelete x/x
    shares purge x/x --confirm x
    backup x/x --follow
    scan x/x --follow
    verify x/x@1 --level sample --over-runs 9 --follow
    verify x/x --level drill --percent 5 --target-url https://other.file.core.windows.net --target-credential other
    rebuild contoso/1 --point 3 --replace --credential x --yes
    restore x/x:/a@1 --in-place --conflicts keep_both --yes --follow
    restore x/x@1 --to other:/b --include '*.docx' --ext .docx --written-from 2026-11-27T14:05 --changed --yes
    undo x/x 1 --yes
    ls x/x:/a@1
    find x/x '*.doc' --all --match-case
    diff x/x:/a --from 1 --to 2
    versions x/x:/a@1
    permission x/x:/a@1
    cat x/x:/a@1
    get x/x:/a@1
    get x/x:/a@1 --archive zip
    get x/x:/a@1 --archive tar --path b --ext .docx --exclude '~$*'
    export x/x:/a --format csv
    runs list x/x --kind backup --state failed
    runs show x/x 1 --follow
    runs pause x/x 1
    runs resume x/x 1
    runs cancel x/x 1
    runs journal x/x 1 --kind unreadable
    runs report x/x 1
    points list x/x
    points show x/x@1
    points expired x/x
    points pin x/x@1 --reason audit --until 2027-01-01T00:00:00Z
    points unpin x/x@1 --reason over
    points hold x/x@1 --reason matter
    points release x/x@1 --reason settled
    points delete x/x@1 --yes
    policies list
    policies add standard daily=14 weekly=8 time_zone=Europe/Berlin
    policies set x daily=7
    policies remove x --yes
    policies apply x/x x --yes
    policies apply x/x none
    policies show x/x
    policies preview x/x keep_last=2
    prune x/x --yes
    sweep x/x --margin-days 7
    schedules list
    schedules list x/x
    schedules show x/x 1
    schedules add x/x verify '0 6 * * sun' --level sample --over-runs 52 --zone Europe/Berlin --spread 60
    schedules set x/x 1 --cron '0 3 * * *' --off
    schedules remove x/x 1 --yes
    schedules occurrences x/x 1
    schedules preview x/x '0 6 * * sun' --zone Europe/Berlin
    alerts list
    alerts list x/x --all
    alerts show 1
    alerts ack 1
    alerts close 1
    channels list
    channels show x
    channels add hook --webhook https://hooks.example.com/backup --signed-with webhook-oncall
    channels add mail --mail team@example.com --on damage --on run_failed
    channels set x --name y --signed-with '' --everything --disable
    channels remove x --yes
    channels test x
    channels test x --follow
    channels deliveries x --state dead
    channels retry x
    status
    usage --month 2026-11
    usage --tenant x
    cost --files 1e9
    cost --files 1e9 --mean-bytes 1e5 --files-per-directory 12.5 --changed 5e6 --touched 1e6 --shares 10 --accounts 2 --points 90 --width 16
    cost --files 1e6 --account-kind hdd_provisioned --files-tier Hot --vault-tier Cool --no-private-endpoints --no-standby
    health
    metrics
    members list
    members list --platform
    members add 6f9619ff-8b86-d011-b42d-00cf4fc964ff --name Ada --role operator --share x
    members add 6f9619ff-8b86-d011-b42d-00cf4fc964ff --name Ada --role platform_admin --group --platform
    members set 1 --role viewer
    members set 1 --role platform_admin --platform
    members remove 1 --yes
    members remove 1 --yes --platform
    keys list
    keys list --platform
    keys show k1
    keys show k1 --platform
    keys add script --role viewer --days 30
    keys add script --role platform_admin --platform
    keys revoke k1 --yes
    keys revoke k1 --yes --platform
    audit --action restores.start --since 7d
    audit --platform
    accounts list
    accounts add https://contoso.file.core.windows.net --credential contoso
    accounts remove 1 --yes
"""
ELSEWHERE = {"login", "logout", "completion"}
"""What these are about is not the API's but this machine's."""


def leaves(command, words=()):
    if not isinstance(command, click.Group):
        return [" ".join(words)]
    return [leaf for name, below in command.commands.items() for leaf in leaves(below, (*words, name))]


LINES = [line.strip() for line in COMMANDS.strip().splitlines()]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What was wrong with each line, by what the document says or by its exit code; and all routes that were asked for."""
    register()
    found, place = {}, tmp_path_factory.mktemp("afb")
    with pytest.MonkeyPatch.context() as patch, served() as api:
        patch.chdir(place)
        environ = {"AFB_URL": api.url, "AFB_CONFIG": str(place / "config.json"), "NO_COLOR": "1"}
        for line in LINES:
            for mode in ([], ["--json"]):
                for file in place.iterdir():
                    file.unlink()
                patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), write_through=True))
                patch.setattr(sys, "stderr", io.StringIO())
                try:
                    code = run([*shlex.split(line), *mode], environ)
                except Exception:  # told with its line
                    code = traceback.format_exc()
                found[line, bool(mode)] = api.wrong + ([f"exit {code}: {sys.stderr.getvalue()}"] if code else [])
                api.wrong.clear()
        return found, api.routes


def test_every_command_is_tried():
    register()
    tried = {leaf for leaf in leaves(afb) for line in LINES if f"{line} ".startswith(f"{leaf} ")}
    assert set(leaves(afb)) - tried - ELSEWHERE == set()


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("as_json", [False, True], ids=["people", "programs"])
def test_a_command_asks_as_the_document_says_and_understands_the_answer(asked, line, as_json):
    assert asked[0][line, as_json] == []


def test_every_route_is_asked_for_by_a_command_or_is_none_for_people(asked):
    assert set(ROUTES) - asked[1] == set(NOT_FOR_PEOPLE)
