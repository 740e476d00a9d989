"""What the pages have to show: two tenants with shares, restore points, runs of all kinds, and people who may more or less.

Made through the API alone. What a test changes it makes for itself (:meth:`Scene.new_share`).
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from localdev.launcher.stack import Stack
from tests.support.api import Api
from tests.support.share_tree import change, fill, service


@dataclass
class Scene:
    """The world of the browser tests."""

    product: Stack
    api: Api
    paths: dict[str, str] = field(default_factory=dict)
    """Pages of shares by name: ``files`` (two restore points, a restore, a verify) and ``empty`` (no run yet) of Contoso, ``projects`` (one restore
    point) and ``gone`` (a failed backup) of Fabrikam."""
    keys: dict[str, str] = field(default_factory=dict)
    """API keys by who: ``admin``, ``operator`` and ``viewer`` of Contoso, ``fabrikam`` an admin of that."""

    def post(self, path: str, body: Any = None, *, status: int = 202) -> Any:
        found, answer = self.api("POST", path, {} if body is None else body)
        assert found == status, answer
        return answer

    def new_azure_share(self, *work: Any) -> str:
        """An Azure share with what ``work`` puts there; returns its name."""
        name = f"share-{secrets.token_hex(5)}"
        service(self.product.files).create_share(name)
        for step in work:
            step(self.azure_share(name))
        return name

    def azure_share(self, name: str) -> Any:
        """A client of an Azure share."""
        return service(self.product.files).get_share_client(name)

    def new_share(self, tenant_id: str, name: str, azure_share: str) -> str:
        """Protect an Azure share; returns the path of its page. Of the API it is ``/api`` and that."""
        body = {
            "name": name,
            "account_url": self.product.files_url,
            "share_name": azure_share,
            "credential": "devstore",
        }
        made = self.post(f"/api/tenants/{tenant_id}/shares", body, status=201)
        return f"/tenants/{tenant_id}/shares/{made['share_id']}"

    def backed_up(self, tenant_id: str, name: str, *works: Any) -> str:
        """A new share with a backup after each of ``works``; returns the path of its page."""
        azure_share = self.new_azure_share()
        path = self.new_share(tenant_id, name, azure_share)
        for work in works:
            work(self.azure_share(azure_share))
            assert self.run(f"{path}/backups")["state"] == "succeeded"
        return path

    def run(self, path: str, body: Any = None) -> Any:
        """Start something (``{share page}/backups``) and wait until it has ended."""
        started = self.post(f"/api{path}", body)
        share = path.rpartition("/")[0]
        return self.api.finished(f"/api{share}/runs/{started['run_no']}")

    def key(self, tenant_id: str, role: str, share_id: int | None = None) -> str:
        """A new API key of a tenant."""
        body = {"name": f"{role} for tests", "role": role} | ({"share_id": share_id} if share_id else {})
        return str(self.post(f"/api/tenants/{tenant_id}/keys", body, status=201)["key"])


def build_scene(product: Stack) -> Scene:
    """The world as all tests find it."""
    scene = Scene(product, Api(product.host_url, product.host_key))
    for tenant_id, name in (("contoso", "Contoso"), ("fabrikam", "Fabrikam & Sons")):
        scene.post("/api/tenants", {"tenant_id": tenant_id, "name": name}, status=201)
    scene.paths["files"] = scene.backed_up("contoso", "files", fill, change)
    scene.paths["empty"] = scene.new_share("contoso", "empty", scene.new_azure_share(fill))
    scene.paths["projects"] = scene.backed_up("fabrikam", "projects", fill)
    scene.paths["gone"] = scene.new_share("fabrikam", "gone", f"nowhere-{secrets.token_hex(4)}")
    scene.run(f"{scene.paths['gone']}/backups")
    target = scene.new_azure_share()
    scene.run(f"{scene.paths['files']}/restores", {"restore_point": 1, "target": {"share_name": target}})
    scene.run(f"{scene.paths['files']}/verifications", {"level": "quick"})
    for role, name in (("tenant_admin", "admin"), ("operator", "operator"), ("viewer", "viewer")):
        scene.keys[name] = scene.key("contoso", role)
    scene.keys["fabrikam"] = scene.key("fabrikam", "tenant_admin")
    return scene
