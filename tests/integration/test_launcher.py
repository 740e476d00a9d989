"""The stack as a library: what the demo and the kill tests rely on."""

import urllib.request
from contextlib import closing

import psycopg
import pytest
from azure.storage.blob import BlobServiceClient

from localdev.launcher.stack import AlreadyRunning, Stack
from localdev.services import ports
from localdev.services.service import ServiceFailed
from tests.support.launcher import APP, ping


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("stack"), app=APP, settings={"AFB_GREETING": "hello"}) as stack:
        yield stack


def test_the_app_is_served_with_its_settings(stack):
    assert ping(stack.host_url) == {"greeting": "hello", "postgres": stack.postgres_url}


def test_a_killed_host_comes_back_at_the_same_address(stack):
    before = stack.host.identity
    stack.kill_host()
    assert not before.alive
    assert not stack.host.is_ready()
    stack.start_host()
    assert ping(stack.host_url)["greeting"] == "hello"


def test_a_second_host_serves_the_same_app_beside_the_first(stack):
    with stack.another_host("host-2", app=APP) as second:
        assert second.url != stack.host_url
        assert ping(second.url) == ping(stack.host_url)


def test_admin_routes_want_the_key_of_the_stack(stack):
    request = urllib.request.Request(f"{stack.host_url}/guarded", headers={"x-functions-key": stack.host_key})
    with urllib.request.urlopen(request) as response:
        assert response.read() == b"in"


def test_what_was_committed_survives_the_death_of_postgres(stack):
    with psycopg.connect(stack.postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 100000) AS n")
    # Somebody who is connected, so that there is a server process that has to notice.
    with closing(psycopg.connect(stack.postgres_url, autocommit=True)) as bystander:
        stack.postgres.kill()
        stack.postgres.start()
        with pytest.raises(psycopg.OperationalError):
            bystander.execute("SELECT 1")
    with psycopg.connect(stack.postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (100_000,)


def test_blobs_survive_a_stop_of_azurite(stack):
    with BlobServiceClient.from_connection_string(stack.blob_connection_string) as blobs:
        container = blobs.create_container("kept")
        container.upload_blob("blob", b"content")
        stack.azurite.stop()
        stack.azurite.start()
        assert container.download_blob("blob").readall() == b"content"


def test_a_directory_belongs_to_one_stack_at_a_time(stack):
    with pytest.raises(AlreadyRunning, match="already running"):
        Stack(stack.data, app=APP).start()
    with pytest.raises(AlreadyRunning, match="hint: stop it"):
        stack.erase()
    assert stack.host.is_ready()


def test_a_stack_that_does_not_come_up_leaves_nothing_running(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "function_app.py").write_text("raise ValueError('broken on purpose')")
    stack = Stack(tmp_path / "data", app=tmp_path / "app")
    with pytest.raises(ServiceFailed, match=r"(?s)host: ended with .*broken on purpose"):
        stack.start()
    assert not any(service.running for service in stack.services)
    assert all(ports.is_free(port) for port in stack.addresses.to_wire().values())
