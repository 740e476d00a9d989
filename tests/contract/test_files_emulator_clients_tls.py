"""AzCopy and rclone over https, with a certificate that signs itself: by SAS, key and bearer token."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.client_trees import MIB, contents, differences, read_disk, read_share, write_disk
from tests.support.clients import AzCopy, Rclone, account_sas, need_azcopy, need_rclone, quiet_emulator
from tests.support.tokens import token

TREE = {"top": None, "top/a+b %.txt": b"one", "top/five": bytes(range(256)) * (5 * MIB // 256), "top/empty": None}
TOO_EARLY = {"PUT 404 ParentNotFound", "PUT 409 ResourceAlreadyExists", "HEAD 404 ResourceNotFound"}
LOOKING = {"PUT 409 ResourceAlreadyExists", "HEAD 404 ParentNotFound", "GET 404 ResourceNotFound"}


@pytest.fixture(scope="module")
def emulator():
    with quiet_emulator("--tls") as emulator:
        yield emulator


@pytest.fixture
def tree(tmp_path):
    write_disk(tmp_path / "tree", TREE)
    return tmp_path / "tree"


def test_azcopy_over_https_with_a_sas(emulator, tmp_path, tree):
    need_azcopy()
    azcopy = AzCopy(emulator.url, tmp_path, SSL_CERT_FILE=str(emulator.certificate))
    emulator.raw.create_share("azcopy-by-sas")
    up = ("copy", tree / "top", azcopy.at("azcopy-by-sas"), "--recursive", "--from-to=LocalFile")
    azcopy.run(*up, refused=TOO_EARLY)
    assert differences(TREE, contents(read_share(emulator.raw, "azcopy-by-sas"))) == []


def test_azcopy_over_https_with_a_bearer_token(emulator, tmp_path, tree):
    need_azcopy()
    # AzCopy gets its token from the Azure CLI, as `az login` and AZCOPY_AUTO_LOGIN_TYPE=AZCLI have it.
    expires = datetime.now(UTC).astimezone() + timedelta(hours=1)
    given = {
        "accessToken": token(),
        "expiresOn": expires.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "expires_on": int(expires.timestamp()),
        "tokenType": "Bearer",
    }
    (tmp_path / "token.json").write_text(json.dumps(given))
    az = tmp_path / "az"
    az.write_text(f"#!/bin/sh\ncat '{tmp_path}/token.json'\n")
    az.chmod(0o755)
    azcopy = AzCopy(
        emulator.url,
        tmp_path,
        sas="",
        SSL_CERT_FILE=str(emulator.certificate),
        AZCOPY_AUTO_LOGIN_TYPE="AZCLI",
    )
    azcopy.environment["PATH"] = f"{tmp_path}:{azcopy.environment['PATH']}"
    trusted = f"--trusted-microsoft-suffixes=127.0.0.1:{emulator.port}"
    emulator.raw.create_share("first")
    emulator.raw.create_share("second")
    up = (tree / "top", azcopy.at("first"), "--from-to=LocalFile")
    across = (azcopy.at("first/top"), azcopy.at("second"), "--from-to=FileFile", "--preserve-permissions=true")
    down = (azcopy.at("second/top"), tmp_path / "out", "--from-to=FileLocal")
    for way in (up, across, down):
        azcopy.run("copy", *way, "--recursive", trusted, refused=TOO_EARLY)
    assert differences(TREE, contents(read_share(emulator.raw, "first"))) == []
    assert differences(TREE, contents(read_share(emulator.raw, "second"))) == []
    assert differences(TREE, read_disk(tmp_path / "out")) == []


@pytest.mark.parametrize("kind", ["key", "sas_url"])
def test_rclone_over_https(emulator, tmp_path, tree, kind):
    need_rclone()
    share = f"rclone-by-{kind.replace('_', '-')}"
    options = {"sas_url": f"{emulator.url}?{account_sas()}"} if kind == "sas_url" else {}
    rclone = Rclone(emulator.url, tmp_path, **options)
    trust = f"--ca-cert={emulator.certificate}"
    emulator.raw.create_share(share)
    rclone.run("copy", tree, rclone.remote(share), "--create-empty-src-dirs", trust, refused=LOOKING)
    assert differences(TREE, contents(read_share(emulator.raw, share))) == []
    rclone.run("moveto", rclone.remote(share, "top/five"), rclone.remote(share, "top/moved"), trust, refused=LOOKING)
    rclone.run("copyto", rclone.remote(share, "top/moved"), rclone.remote(share, "top/five"), trust, refused=LOOKING)
    rclone.run("check", tree, rclone.remote(share), "--one-way", "--download", trust)
    rclone.run("copy", rclone.remote(share), tmp_path / "out", "--create-empty-src-dirs", trust)
    assert differences(TREE | {"top/moved": TREE["top/five"]}, read_disk(tmp_path / "out")) == []
