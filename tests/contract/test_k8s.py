"""infra/k8s says what it means: rendered as a cluster would get it, against the schemas of Kubernetes and against the code it starts."""

import argparse
import dataclasses
import os
import re

import kubernetes_validate
import pytest
import yaml

import worker.__main__
from shared.db.migrate import DIRECTORY
from shared.settings import Settings
from tests.support.kustomize import K8S, environment, pods, render, rendered, the
from worker import downloads, health
from worker.downloads import LEAVE_S

OVERLAYS = ("overlays/dev", "overlays/prod")
KUBERNETES = "1.33"
"""The version whose schemas these are. None of what is used is newer than 1.27."""
OURS = ("keda.sh/", "gateway.networking.k8s.io/")
"""Groups that Kubernetes has no schema of."""
SECRET = {
    "worker-secrets": {"AFB_CREDENTIAL_STORE": "a2V5"},
    "downloads-secrets": {"AFB_DOWNLOADS_KEY": "k" * 32},
}
"""What people make of themselves."""


@pytest.fixture(params=OVERLAYS)
def overlay(request):
    return rendered(request.param)


def every_name(manifests):
    return {(m["kind"], m["metadata"]["name"]) for m in manifests}


def matches(selector, labels):
    return selector.items() <= labels.items()


# ---------------------------------------------------------------------------------------------------------------- the whole


def test_every_file_is_used_by_a_kustomization():
    listed = set()
    for file in K8S.rglob("kustomization.yaml"):
        said = yaml.safe_load(file.read_text())
        for name in [*said.get("resources", ()), *said.get("components", ())]:
            assert (file.parent / name).exists(), name
            listed.add((file.parent / name).resolve())
        for generated in said.get("configMapGenerator", ()):
            listed |= {(file.parent / name).resolve() for name in generated["envs"]}
    written = {
        file for file in K8S.rglob("*") if file.suffix in (".yaml", ".env") and file.name != "kustomization.yaml"
    }
    assert written <= listed


def test_an_overlay_is_complete(overlay):
    expected = {
        ("Namespace", "azure-files-backup"),
        ("ServiceAccount", "azure-files-backup"),
        ("Deployment", "worker"),
        ("Deployment", "downloads"),
        ("Service", "downloads"),
        ("PodDisruptionBudget", "worker"),
        ("PodDisruptionBudget", "downloads"),
    }
    assert expected <= every_name(overlay)
    assert {m["metadata"].get("namespace") for m in overlay if m["kind"] != "Namespace"} == {"azure-files-backup"}


def test_it_is_what_the_schemas_of_kubernetes_say(overlay):
    for manifest in overlay:
        if not manifest["apiVersion"].startswith(OURS):
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_schemas_find_what_is_misspelt():
    broken = dict(the(rendered("overlays/dev"), "Deployment", "worker"))
    broken["spec"] = {**broken["spec"], "replica": 3}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


def test_the_gateways_route_leads_to_the_service(tmp_path):
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "resources": [os.path.relpath(K8S / "overlays/prod", tmp_path.resolve())],
                "components": [os.path.relpath(K8S / "components/gateway", tmp_path.resolve())],
            }
        )
    )
    manifests = render(tmp_path)
    service = the(manifests, "Service", "downloads")
    (rule,) = the(manifests, "HTTPRoute")["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert (backend["name"], backend["port"]) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    paths = [route.resource.canonical for route in downloads.DownloadServer(None).routes().router.routes()]
    assert any(path.startswith(rule["matches"][0]["path"]["value"]) for path in paths)


# ------------------------------------------------------------------------------------------------------------------- pods


def test_selectors_find_the_pods_they_are_for(overlay):
    labels = {name: template["metadata"]["labels"] for name, template in pods(overlay)}
    for manifest in overlay:
        name, kind, spec = manifest["metadata"]["name"], manifest["kind"], manifest.get("spec", {})
        if kind in ("Deployment", "PodDisruptionBudget"):
            found = [pod for pod in labels if matches(spec["selector"]["matchLabels"], labels[pod])]
            assert found == [name], (kind, name)
        if kind == "Service":
            assert [pod for pod in labels if matches(spec["selector"], labels[pod])] == [name]
        if kind == "NetworkPolicy":
            found = {pod for pod in labels if matches(spec["podSelector"]["matchLabels"], labels[pod])}
            assert found == ({name.removeprefix("to-")} if name.removeprefix("to-") in labels else {*labels})
    for name, template in pods(overlay):
        for spread in template["spec"]["topologySpreadConstraints"]:
            assert [pod for pod in labels if matches(spread["labelSelector"]["matchLabels"], labels[pod])] == [name]


def test_nothing_in_a_pod_may_do_more_than_it_has_to(overlay):
    for name, template in pods(overlay):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] >= 10_000
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        for container in [*spec["containers"], *spec.get("initContainers", ())]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            resources = container["resources"]
            assert {"cpu", "memory"} <= resources["requests"].keys()
            assert {"memory"} <= resources["limits"].keys()
            # What it writes goes where it may write.
            (place,) = (v["value"] for v in container["env"] if v["name"] == "TMPDIR")
            (mount,) = container["volumeMounts"]
            (volume,) = (v for v in spec["volumes"] if v["name"] == mount["name"])
            assert mount["mountPath"] == place
            assert not mount.get("readOnly")
            assert "sizeLimit" in volume["emptyDir"]


def test_pods_are_an_identity_of_azure(overlay):
    account = the(overlay, "ServiceAccount")
    assert "azure.workload.identity/client-id" in account["metadata"]["annotations"]
    for _, template in pods(overlay):
        assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        assert template["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_there_is_one_image_and_it_is_pinned(overlay):
    (image,) = {c["image"] for _, template in pods(overlay) for c in template["spec"]["containers"]}
    assert re.fullmatch(r"[a-z0-9.]+/azure-files-backup(:[\w.-]+|@sha256:[0-9a-f]{64})", image)
    assert not image.endswith(":latest")


def test_what_pods_are_told_the_programs_understand(overlay, monkeypatch):
    understood = []
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsing(understood))
    mains = {"worker": worker.__main__.main, "worker.downloads": downloads.main}
    for _, template in pods(overlay):
        (container,) = template["spec"]["containers"]
        program, *arguments = container["args"]
        with pytest.raises(Understood):
            mains[program](arguments)
        options = understood.pop()
        port = options.health_port if program == "worker" else options.port
        host = options.health_host if program == "worker" else options.host
        assert ([p["containerPort"] for p in container["ports"]], host) == ([port], "0.0.0.0")


class Understood(Exception):
    """The options were understood, and nothing is to be done."""


def parsing(understood):
    parse_args = argparse.ArgumentParser.parse_args

    def parsed(self, *arguments):
        understood.append(parse_args(self, *arguments))
        raise Understood

    return parsed


def test_probes_ask_what_is_answered(overlay):
    routes = {
        "worker": health.HealthServer(None, None).routes(),
        "downloads": downloads.DownloadServer(None).routes(),
    }
    for name, template in pods(overlay):
        (container,) = template["spec"]["containers"]
        paths = {route.resource.canonical for route in routes[name].router.routes()}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in paths
            assert asked["port"] in {port["name"] for port in container["ports"]}


def test_who_is_told_to_leave_has_time_to(overlay):
    grace = {name: template["spec"]["terminationGracePeriodSeconds"] for name, template in pods(overlay)}
    assert grace["worker"] >= 120
    (container,) = the(overlay, "Deployment", "downloads")["spec"]["template"]["spec"]["containers"]
    (command, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert (command, grace["downloads"] >= int(seconds) + LEAVE_S + 5) == ("sleep", True)


# --------------------------------------------------------------------------------------------------------------- settings


def test_settings_are_settings_of_the_code_and_complete(overlay):
    known = {f"AFB_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    for name, template in pods(overlay):
        (container,) = template["spec"]["containers"]
        given = environment(overlay, name)
        assert {setting for setting in given if setting.startswith("AFB_")} <= known
        (secret,) = (source["secretRef"] for source in container["envFrom"] if "secretRef" in source)
        settings = Settings.from_env({**given, **SECRET[secret["name"]]})
        assert settings.driver == "workers"
        assert settings.migrate == "auto"
        assert "@" in settings.postgres_url, "as whom"
        if name == "downloads":
            assert not secret.get("optional"), "without its key it serves nothing"


def test_nothing_secret_is_in_the_files(overlay):
    assert not [m for m in overlay if m["kind"] == "Secret"]
    for name, _ in pods(overlay):
        assert Settings.from_env(environment(overlay, name)).secrets() == []


# ---------------------------------------------------------------------------------------------------------------- network


def test_pods_reach_what_they_need_and_nobody_else_reaches_them(overlay):
    policies = {m["metadata"]["name"]: m["spec"] for m in overlay if m["kind"] == "NetworkPolicy"}
    assert policies["nothing-else"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & policies["nothing-else"].keys()
    ports = [port["port"] for rule in policies["to-azure"]["egress"] for port in rule["ports"]]
    assert set(ports) == {53, 5432, 443}
    (https,) = (rule for rule in policies["to-azure"]["egress"] if rule["ports"][0]["port"] == 443)
    assert "169.254.169.254/32" in https["to"][0]["ipBlock"]["except"]
    for name, template in pods(overlay):
        (rule,) = policies[f"to-{name}"]["ingress"]
        named = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["port"] for port in rule["ports"]} == named
        assert rule["from"]


def test_in_production_the_catalogue_is_reached_in_its_subnet_only():
    (postgres,) = (
        rule
        for rule in the(rendered("overlays/prod"), "NetworkPolicy", "to-azure")["spec"]["egress"]
        if rule["ports"][0]["port"] == 5432
    )
    assert postgres["to"][0]["ipBlock"]["cidr"] != "0.0.0.0/0"


# ---------------------------------------------------------------------------------------------------------------- scaling


def test_keda_decides_how_many_workers_there_are():
    manifests = rendered("overlays/prod")
    scaled, deployment = the(manifests, "ScaledObject"), the(manifests, "Deployment", "worker")
    assert scaled["spec"]["scaleTargetRef"] == {"name": "worker"}
    assert "replicas" not in deployment["spec"], "applying it again would undo what KEDA has decided"
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    assert all(isinstance(value, str) for value in trigger["metadata"].values()), "KEDA takes nothing else"
    assert {"host", "port", "userName", "dbName", "sslmode", "query", "targetQueryValue"} == trigger["metadata"].keys()
    assert trigger["authenticationRef"]["name"] == the(manifests, "TriggerAuthentication")["metadata"]["name"]
    (most,) = re.fullmatch(r"SELECT workers_wanted\((\d+)\)", trigger["metadata"]["query"]).groups()
    assert int(most) == scaled["spec"]["maxReplicaCount"]
    assert any("FUNCTION workers_wanted(" in file.read_text() for file in DIRECTORY.glob("*.sql"))
    assert scaled["spec"]["minReplicaCount"] >= 1, "somebody has to look for schedules"


def test_without_keda_the_overlay_says_how_many():
    assert the(rendered("overlays/dev"), "Deployment", "worker")["spec"]["replicas"] == 2
