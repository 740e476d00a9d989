"""The comparison with the real host, with our own host in the place of the real one: equal where it is equal, and a difference is found and named."""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from localdev.conformance import product, programs, report, sides, traces
from localdev.conformance.__main__ import INSTALL, main
from localdev.conformance.differences import compare
from localdev.conformance.expected import Expected
from localdev.conformance.hazards import SCENARIOS
from localdev.conformance.programs import KEY, AppHost
from localdev.conformance.sides import HAZARDS, PRODUCT, Services
from localdev.demo.account import Account
from localdev.launcher.settings import app_settings
from localdev.services import ports
from localdev.services.processes import wait_until
from localdev.services.service import ROOT, ServiceFailed

UNIT_S = 0.3
OURS = programs.localdev().template
NOBODY = Account(url="", name="", key="")


PLAYED = [scenario.name for scenario in SCENARIOS if not scenario.alone]
"""All but the burst, which takes as long as the rest."""


def services(postgres_url) -> Services:
    return Services(settings={}, history_url=postgres_url, account=NOBODY)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("conformance")


@pytest.fixture(scope="module")
def ours(postgres_server, out):
    with postgres_server.database() as url:
        program = programs.localdev()
        return sides.play(HAZARDS, program, services(url), out=out / "ours", unit_s=UNIT_S, only=PLAYED)


@pytest.fixture(scope="module")
def theirs(postgres_server, out):
    with postgres_server.database() as url:
        program = programs.command(OURS)
        return sides.play(HAZARDS, program, services(url), out=out / "theirs", unit_s=UNIT_S, only=PLAYED)


def test_everything_can_be_played(ours):
    assert not {name: what["problem"] for name, what in ours.seen.items() if "problem" in what}


def test_the_same_host_under_a_command_of_its_own_gives_the_same(ours, theirs):
    assert compare(ours.seen, theirs.seen) == []


def test_our_host_gives_what_is_written_down(ours):
    written = Expected.read(HAZARDS)
    one = report.compared(
        HAZARDS, ours.seen, written.seen, reference=written.name, version=written.version, real=written.real
    )
    assert {name: one.differences[name] for name in one.unexpected} == {}


def test_both_recorded_the_same(ours, theirs, out):
    recorded = [traces.summary(traces.read(out / side / "record")) for side in ("ours", "theirs")]
    assert compare(*recorded) == []
    told = recorded[0]["hazard-a-silent (1)"]
    assert {event["EventType"] for event in told["told"]} >= {"EXECUTION_STARTED", "TASK_FAILED", "TIMER_FIRED"}
    assert told["answered"]["isDone"]
    assert [activity["name"] for activity in told["activities"]] == ["double", "slow", "slow", "slow"]
    assert any("/raiseEvent/approval" in call for call in recorded[0]["management API"]["calls"])
    assert any(name.startswith("windows (3)") for name in recorded[0])  # one for each execution


def test_no_key_is_recorded(ours, out):
    written = "".join(file.read_text() for file in (out / "ours" / "record").glob("*"))
    assert "code=KEY" in written
    assert "/durabletask/" not in "".join(
        str(json.loads(line)["path"]) for line in written.splitlines() if '"management"' in line
    )


@pytest.mark.parametrize("hazard", ["a-silent", "a-loud", "b", "c", "d", "f-client", "f-others", "g"])
def test_each_hazard_shows_itself(ours, hazard):
    """The hazards are only worth comparing while they bite; DURABLE names them, docs/CONFORMANCE.md says how each shows."""
    what = ours.seen[f"hazard-{hazard}"]
    match hazard:
        case "a-silent":
            assert what["output"] == {"of double": None}
        case "a-loud":
            assert what["status"] == "Failed"
            assert "RuntimeError: second" in what["output"]
        case "b":
            assert what["output"] == ["two", "two"]
        case "c":
            assert what["output"] == ["B", "A", "C", "D"]  # D waits for nothing, and takes no time
        case "d":
            ended = [event.get("Result") for event in what["history"] if event["event"] == "TaskCompleted"]
            assert ended == ["late", 42]  # caught at once, and yet after the slow one
        case "f-client":
            assert what["output"]["is"] == "str"
        case "f-others":
            assert what["output"]["is"] == "dict"
        case "g":
            assert what == {"refused": True, "instances": []}


def test_another_version_of_the_app_differs_by_name(postgres_url, ours, tmp_path):
    app = tmp_path / "app"
    shutil.copytree(sides.APPS[HAZARDS], app, ignore=shutil.ignore_patterns("__pycache__"))
    source = app / "function_app.py"
    source.write_text(source.read_text().replace("return payload * 2", "return payload * 3"))
    played = sides.play(
        HAZARDS,
        programs.command(OURS),
        services(postgres_url),
        out=tmp_path / "out",
        unit_s=UNIT_S,
        only=["sequence", "no-yield"],
        directory=app,
    )
    both = {name: ours.seen[name] for name in ("no-yield", "sequence")}
    one = report.compared(HAZARDS, both, played.seen, reference="another", version=played.version, real=False)
    assert list(one.differences) == ["sequence"]
    places = {difference.where: (difference.ours, difference.theirs) for difference in one.differences["sequence"]}
    assert places["output[0]"] == ("6", "9")
    assert places["customStatus.first"] == ("6", "9")
    assert places["history[1].Result"] == ("6", "9")
    assert report.code([one]) == report.DIFFERS
    assert any("sequence  DIFFERS" in line for line in report.lines(one))


def test_core_tools_are_run_in_the_directory_of_the_app_with_its_settings(postgres_url, tmp_path, monkeypatch):
    """The command line of Core Tools, with a script that starts our host in their place: says nothing about theirs."""
    func = tmp_path / "func"
    func.write_text(
        "#!/bin/sh\n"
        'test "$1" = --version && { echo 4.0.0; exit; }\n'
        'test "$1 $2" = "start --port" && test "$FUNCTIONS_WORKER_RUNTIME" = python || exit 7\n'
        f'exec python -m localdev.functions_host --app . --port "$3" --postgres "$PLACE" --record {tmp_path}/record\n'
    )
    func.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    given = Services(
        settings={"FUNCTIONS_WORKER_RUNTIME": "python", "PLACE": postgres_url, "PYTHONPATH": str(ROOT)},
        history_url="",
        account=NOBODY,
    )
    program = programs.find("core-tools", image="")
    played = sides.play(HAZARDS, program, given, out=tmp_path / "out", unit_s=UNIT_S, only=["no-yield"])
    assert played.version == "Core Tools 4.0.0"
    assert played.seen["no-yield"]["status"] == "Completed"


def test_a_host_that_does_not_start_is_told_with_its_log(tmp_path):
    settings = {KEY: "key"}
    told = "import sys; sys.exit('no such setting')"
    host = AppHost(
        programs.command(f'{{python}} -c "{told}"'),
        app=tmp_path,
        probe="/",
        settings=settings,
        postgres_url="",
        out=tmp_path / "out",
    )
    with pytest.raises(ServiceFailed, match=r"ended with 1 while starting[\s\S]*no such setting"):
        host.start()
    unknown = AppHost(
        programs.command("func {nothing}"), app=tmp_path, probe="/", settings=settings, postgres_url="", out=tmp_path
    )
    with pytest.raises(ServiceFailed, match=r"nothing.*expected gaps among \{app\}"):
        unknown.start()


@pytest.fixture
def serving(tmp_path) -> AppHost:
    """As with ``func``: what is started starts the server, and does not tell it to stop."""
    serve = "{python} -m http.server {port} --bind 127.0.0.1 & trap 'exit 0' TERM; wait"
    program = programs.command(f'sh -c "{serve}"')
    return AppHost(program, app=tmp_path, probe="/", settings={KEY: "key"}, postgres_url="", out=tmp_path / "out")


def test_what_a_host_has_started_ends_with_it(serving):
    with serving:
        assert ports.accepts(serving.port)
    assert wait_until(lambda: not ports.accepts(serving.port), 5)


def test_nothing_is_left_of_a_host_that_is_not_ready_in_time(serving):
    serving._probe, serving.start_seconds = "/404", 1.5
    with pytest.raises(ServiceFailed, match="not ready after 2 s"):
        serving.start()
    assert wait_until(lambda: not ports.accepts(serving.port), 5)


def test_without_a_real_host_the_command_line_says_what_to_install(postgres_url, tmp_path, monkeypatch, capsys):
    @contextlib.contextmanager
    def there(_data):
        yield services(postgres_url)

    monkeypatch.setattr(sides, "services", there)
    arguments = ["--host", "none", "--only", "sequence", "hazard-b", "--unit", str(UNIT_S), "--out", str(tmp_path)]
    assert main(arguments) == report.UNKNOWN
    printed = capsys.readouterr().out
    assert INSTALL in printed
    assert "2 of 2 alike" in printed
    assert json.loads((tmp_path / "report.json").read_text())["apps"][0]["real"] is False


@pytest.mark.slow
def test_the_product_is_played_from_backup_to_verify(postgres_server, azurite, files_emulator, monkeypatch, tmp_path):
    """Smaller than in `make conformance`; what must come back is known without any host."""
    files = {"empty": 0, "reports/2031/january.xlsx": 40_960, "reports/old/moved.txt": 90, "many/007.log": 107}
    monkeypatch.setattr(product, "FILES", files)
    monkeypatch.setattr(product, "LARGE_BYTES", 9 * 1024 * 1024)
    monkeypatch.setattr(product, "SHARE", "conformance-test")
    monkeypatch.setattr(product, "RESTORED", "conformance-test-restored")
    with postgres_server.database() as history, postgres_server.database() as catalogue:
        settings = app_settings(
            postgres_url=catalogue,
            storage=azurite.connection_string,
            files_url=files_emulator.url,
            files_key=files_emulator.key,
        )
        account = Account(url=files_emulator.url, name=files_emulator.account, key=files_emulator.key)
        given = Services(settings=settings, history_url=history, account=account)
        played = sides.play(PRODUCT, programs.localdev(), given, out=tmp_path, unit_s=UNIT_S).seen
    runs = [played[f"product-{run}"] for run in ("first-backup", "second-backup", "restore", "verify")]
    assert [(run["state"], run["orchestration"]["status"]) for run in runs] == [("succeeded", "Completed")] * 4
    assert [point["restore_point"] for point in played["product-restore-points"]["restore_points"]] == [2, 1]
    restored = played["product-restored"]["files"]
    assert sorted(restored) == [
        "archive/moved.txt",
        "large.vhdx",
        "many/007.txt",
        "reports/2031/january.xlsx",
        "reports/2031/march.xlsx",
    ]
    january = hashlib.shake_128(b"january, corrected").digest(42 * 1024)
    assert restored["reports/2031/january.xlsx"] == hashlib.sha256(january).hexdigest()
    ended = [
        event["FunctionName"] for event in runs[0]["orchestration"]["history"] if event["event"] == "TaskCompleted"
    ]
    assert (ended[0], ended[-1]) == ("open_run", "close_run")
    assert set(ended[1:-1]) == {"backup_directories"}
