"""infra/k8s as a cluster would get it: rendered by kustomize, which kubectl has in it."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.nested import REPOSITORY

K8S = REPOSITORY / "infra" / "k8s"
Manifest = dict[str, Any]


@cache
def rendered(where: str) -> tuple[Manifest, ...]:
    """What ``kubectl apply -k infra/k8s/{where}`` would apply."""
    return render(K8S / where)


def render(directory: Path) -> tuple[Manifest, ...]:
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def the(manifests: tuple[Manifest, ...], kind: str, name: str | None = None) -> Manifest:
    """The one of a kind, or of a name."""
    (found,) = (m for m in manifests if m["kind"] == kind and name in (None, m["metadata"]["name"]))
    return found


def pods(manifests: tuple[Manifest, ...]) -> list[tuple[str, Manifest]]:
    """Names and specifications of the pods of all deployments."""
    return [(m["metadata"]["name"], m["spec"]["template"]) for m in manifests if m["kind"] == "Deployment"]


def environment(manifests: tuple[Manifest, ...], deployment: str) -> dict[str, str]:
    """What a deployment's container is given by config maps and by itself; secrets are not there."""
    (container,) = the(manifests, "Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        if "configMapRef" in source:
            found |= the(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {variable["name"]: variable["value"] for variable in container["env"]}
