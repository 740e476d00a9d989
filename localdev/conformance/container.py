"""The real host in a container: an image of the app on the published image of Functions, on this machine's own network."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from localdev.services import ports
from localdev.services.service import ROOT, ServiceFailed

RUN = (
    "{engine} run --rm --init --name {name} --network host --env-file {out}/environ "
    "--volume {out}/secrets:/azure-functions-host/Secrets {name}"
)
DOCKERFILE = Path(__file__).parent / "Dockerfile"
BUILD_SECONDS = 1_200


def prepare(
    engine: str,
    *,
    image: str,
    app: Path,
    settings: Mapping[str, str],
    key: str,
    port: int,
    name: str,
    out: Path,
) -> None:
    """Build the app's image, and write down its settings and the host's key.

    :raises ServiceFailed: the image could not be built.
    """
    context = out / "context"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(app, context / "app", ignore=shutil.ignore_patterns(*_not_deployed(app)))
    shutil.copy(ROOT / "requirements.txt", context)
    shutil.copy(DOCKERFILE, context)
    words = [engine, "build", "--build-arg", f"IMAGE={image}", "--tag", name, str(context)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode:
        raise ServiceFailed(f"{' '.join(words)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    here = {"ASPNETCORE_URLS": f"http://{ports.LOOPBACK}:{port}", "WEBSITE_HOSTNAME": f"{ports.LOOPBACK}:{port}"}
    values = {**settings, **here, "AzureWebJobsSecretStorageType": "files"}
    (out / "environ").touch(mode=0o600)
    (out / "environ").write_text("".join(f"{setting}={value}\n" for setting, value in values.items()))
    secrets = out / "secrets"
    secrets.mkdir(exist_ok=True)
    master = {"name": "master", "value": key, "encrypted": False}
    (secrets / "host.json").write_text(json.dumps({"masterKey": master, "functionKeys": [], "systemKeys": []}))


def remove(engine: str, name: str) -> None:
    """Remove the container, should it outlive whoever ran it, and its image."""
    for words in ([engine, "rm", "--force", name], [engine, "rmi", name]):
        subprocess.run(words, capture_output=True, timeout=60)


def _not_deployed(app: Path) -> list[str]:
    listed = app / ".funcignore"
    patterns = listed.read_text().split() if listed.exists() else []
    return [".*", *(pattern.rstrip("/") for pattern in patterns)]  # caches, too
