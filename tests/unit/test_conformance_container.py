"""What a container engine would be told: by scripts in its place, since none runs here."""

import json

import pytest

from localdev.conformance import container, programs
from localdev.conformance.programs import KEY, AppHost
from localdev.services.service import ServiceFailed


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """An engine that writes down what it is told, and whose containers end at once."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    script = bin_dir / "docker"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\ntest "$1" != run\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:/usr/bin:/bin")
    return tmp_path / "told"


@pytest.fixture
def app(tmp_path):
    directory = tmp_path / "app"
    for name in ("function_app.py", "local.settings.json", ".cache/old", "tests/test_it.py"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).touch()
    (directory / ".funcignore").write_text("tests/\nlocal.settings.json\n")
    return directory


def host(app, out):
    program = programs.in_container("functions:4")
    settings = {KEY: "secret", "AzureWebJobsStorage": "here"}
    return AppHost(program, app=app, probe="/ping", settings=settings, postgres_url="", out=out)


def test_the_apps_image_is_built_run_and_removed(engine, app, tmp_path):
    out = tmp_path / "out"
    running = host(app, out)
    with pytest.raises(ServiceFailed, match="ended with 1 while starting"):
        running.start()
    told = engine.read_text().splitlines()
    name = f"conformance-{running.port}"
    assert told[0] == "info"
    assert told[1] == f"build --build-arg IMAGE=functions:4 --tag {name} {out}/context"
    assert told[2] == (
        f"run --rm --init --name {name} --network host --env-file {out}/environ "
        f"--volume {out}/secrets:/azure-functions-host/Secrets {name}"
    )
    assert told[3:] == [f"rm --force {name}", f"rmi {name}"]


def test_the_image_has_what_is_deployed_and_the_host_its_key_and_settings(engine, app, tmp_path):
    out = tmp_path / "out"
    running = host(app, out)
    running.prepare()
    copied = {path.relative_to(out / "context").as_posix() for path in (out / "context").rglob("*") if path.is_file()}
    assert copied == {"Dockerfile", "requirements.txt", "app/function_app.py"}
    environ = (out / "environ").read_text().splitlines()
    assert {"AzureWebJobsStorage=here", "AzureWebJobsSecretStorageType=files"} <= set(environ)
    assert f"ASPNETCORE_URLS=http://127.0.0.1:{running.port}" in environ
    assert (out / "environ").stat().st_mode & 0o077 == 0
    assert json.loads((out / "secrets" / "host.json").read_text())["masterKey"]["value"] == "secret"


def test_an_image_that_cannot_be_built_is_told(app, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ServiceFailed, match="build --build-arg IMAGE=x"):
        container.prepare("false", image="x", app=app, settings={}, key="k", port=1, name="n", out=tmp_path / "out")


def test_what_a_real_host_says_of_itself_is_part_of_its_version(engine, app, tmp_path, monkeypatch):
    running = host(app, tmp_path / "out")
    status = {"state": "Running", "version": "4.1048.200", "extensionBundle": {"version": "4.38.0"}}
    monkeypatch.setattr(running, "_get", lambda _path: (200, json.dumps(status)))
    assert running.version() == "functions:4, host 4.1048.200, bundle 4.38.0"
    monkeypatch.setattr(running, "_get", lambda _path: (404, ""))
    assert running.version() == "functions:4"
