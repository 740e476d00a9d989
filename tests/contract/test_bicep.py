"""``infra/bicep`` as far as it can be checked without Azure and without a compiler.

It fits together, it fits the app (settings, ``host.json``, tables, timers), and docs/DEPLOY.md says what it does. What only a compiler or Azure can
tell is listed there.
"""

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pathspec
import pytest
import yaml

from shared.adapters import audit_table, journal_table
from shared.settings import Settings
from shared.wiring import POOL_SIZE
from tests.support import bicep
from tests.support.bicep import BICEP, ROOT, Expression, File, files, said, value_of, walk

DEPLOY = (ROOT / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
HOST = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
ALL = files()
BY_NAME = {file.name: file for file in ALL}
PARAMETERS = files("*.bicepparam")

each_file = pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)


def table(begins: str, ends: str) -> list[list[str]]:
    """Rows of a table of docs/DEPLOY.md between two comments, without its head; code spans without their marks."""
    (between,) = re.findall(rf"<!-- {begins}:.*?-->\n(.*?)<!-- {ends} -->", DEPLOY, re.DOTALL)
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in between.splitlines()[2:]]


def local_modules(file: File) -> list[tuple[bicep.Declared, File]]:
    return [
        (module, BY_NAME[(file.path.parent / module.text).resolve().relative_to(BICEP).as_posix()])
        for module in file.modules.values()
        if not module.text.startswith("br/")
    ]


def verified_modules(kind: str = "") -> list[tuple[str, bicep.Declared]]:
    """Verified modules with the files that use them; of one kind, such as ``storage/storage-account``."""
    return [
        (file.name, module)
        for file in ALL
        for module in file.modules.values()
        if module.text.startswith(f"br/public:avm/res/{kind}")
    ]


# ---------------------------------------------------------------- it fits together


@pytest.mark.parametrize("file", [*ALL, *PARAMETERS], ids=lambda file: file.name)
def test_it_parses(file):
    assert file.errors() == []
    assert file.kinds, "nothing was read"


@each_file
def test_the_head_says_what_it_owns_and_what_it_does_not(file):
    assert file.metadata["name"].value
    assert re.search(r"\nOwns: .*\nDoes not own: ", file.metadata["description"].value, re.DOTALL)


@each_file
def test_everything_that_others_use_is_described(file):
    for parameter in file.params.values():
        begins = "Required. " if parameter.is_required else "Optional. "
        assert parameter.description.startswith(begins), parameter.name
    exported = [
        d for kind in ("type", "variable") for d in file.kinds.get(kind, {}).values() if "export" in d.decorators
    ]
    for declared in [*file.outputs.values(), *exported]:
        assert declared.description, declared.name
    for declared in file.types.values():
        for node in walk(declared.node):
            if node.type == "object_property":
                before = node.prev_named_sibling
                assert getattr(before, "type", "") == "decorators", said(node)


@each_file
def test_modules_are_there_or_pinned(file):
    for module in file.modules.values():
        if module.text.startswith("br/"):
            assert re.fullmatch(r"br/public:avm/res/[a-z/-]+:\d+\.\d+\.\d+", module.text)
        else:
            assert (file.path.parent / module.text).is_file(), module.text


def test_a_verified_module_has_one_version():
    versions = {module.text for _, module in verified_modules()}
    assert len(versions) == len({version.partition(":")[2].rpartition(":")[0] for version in versions}), versions


@each_file
def test_a_type_of_resource_has_one_version(file):
    everywhere = {resource.text for other in ALL for resource in other.resources.values() if "@" in resource.text}
    for resource in file.resources.values():
        kind, at, _ = resource.text.partition("@")
        if at:
            assert [text for text in everywhere if text.partition("@")[0] == kind] == [resource.text]


@each_file
def test_local_modules_are_given_what_they_ask_for_and_nothing_else(file):
    for module, used in local_modules(file):
        given = set(module.value["params"])
        assert given <= set(used.params), f"{module.name}: {given - set(used.params)}"
        required = {parameter.name for parameter in used.params.values() if parameter.is_required}
        assert required <= given, f"{module.name}: {required - given}"


@each_file
def test_outputs_that_are_used_exist(file):
    names = {module.name: used for module, used in local_modules(file)}
    for name, output in re.findall(r"\b(\w+)!?\.outputs\.\??(\w+)", file.text):
        if name in names:
            assert output in names[name].outputs, f"{name}.outputs.{output}"


@each_file
def test_what_is_imported_is_exported(file):
    for names, path in re.findall(r"^import \{ (.*?) \} from '(.*?)'", file.text, re.MULTILINE):
        other = (file.path.parent / path).resolve()
        text = other.read_text(encoding="utf-8")
        for name in names.split(", "):
            assert re.search(rf"^@export\(\)\n(@.*\n)*(?:type|var|func) {name}\b", text, re.MULTILINE), name


@each_file
def test_nothing_is_declared_in_vain(file):
    names = [*file.params, *(v.name for v in file.variables.values() if "export" not in v.decorators)]
    used = [said(node) for node in walk(file.root) if node.type == "identifier"]
    assert [name for name in names if used.count(name) < 2] == []


def test_every_file_is_used_and_in_the_documents_table_of_modules():
    used = {other.name for file in ALL for _, other in local_modules(file)}
    imported = {
        (file.path.parent / path).resolve().relative_to(BICEP).as_posix()
        for file in ALL
        for path in re.findall(r"^import .* from '(.*?)'", file.text, re.MULTILINE)
    }
    assert set(BY_NAME) == used | imported | {"main.bicep", "source.bicep"}
    listed = re.findall(r"^\| `((?:modules/)?[\w-]+\.bicep)` \| (?!`)", DEPLOY, re.MULTILINE)
    assert sorted(listed) == sorted(BY_NAME)


WITHOUT_TAGS = ("Microsoft.Authorization/", "Microsoft.DurableTask/schedulers/taskHubs", "basicPublishing", "config")


def test_tags_reach_every_resource():
    for file in ALL:
        taggable = {
            module.name: module.value["params"] for module, used in local_modules(file) if "tags" in used.params
        }
        taggable |= {
            m.name: m.value["params"]
            for name, m in verified_modules()
            if name == file.name and "/budget/" not in m.text
        }
        taggable |= {
            r.name: r.value for r in file.resources.values() if not r.existing and not r.text.startswith(WITHOUT_TAGS)
        }
        for name, given in taggable.items():
            assert re.fullmatch(r"tags|allTags|union\(tags, \{.*\}\)", str(given.get("tags"))), f"{file.name}: {name}"


# ---------------------------------------------------------------- environments


@pytest.mark.parametrize("file", PARAMETERS, ids=lambda file: file.name)
def test_files_of_parameters_give_what_main_asks_for(file):
    main = BY_NAME["main.bicep"]
    assert re.search(r"^using 'main\.bicep'$", file.text, re.MULTILINE)
    given = set(file.variables)  # they are read as variables
    assert given <= set(main.params)
    assert {parameter.name for parameter in main.params.values() if parameter.is_required} <= given


def test_with_azd_every_parameter_can_be_set_as_the_document_says():
    (azd,) = (file for file in PARAMETERS if file.name == "main.bicepparam")
    assert set(azd.variables) == set(BY_NAME["main.bicep"].params)
    named = {}
    for name, variable in azd.variables.items():
        asked = re.findall(r"readEnvironmentVariable\('(\w+)'", said(variable.node))
        named[asked[0]] = name
        assert set(asked[1:]) <= {asked[0], "AZURE_PRINCIPAL_ID"}
    assert {name: parameter for name, parameter, _ in table("parameters", "end of parameters")} == named


def test_defaults_are_those_of_the_document_and_of_main():
    (azd,) = (file for file in PARAMETERS if file.name == "main.bicepparam")
    main = BY_NAME["main.bicep"]
    for _, name, unless_given in table("parameters", "end of parameters"):
        default = re.search(r"readEnvironmentVariable\('\w+', '(.*?)'\)", said(azd.variables[name].node))
        if default is None:
            assert main.params[name].is_required
            continue
        value = main.params[name].value
        wanted = {True: "true", False: "false", None: ""}.get(value, value) if isinstance(value, bool) else value
        assert default[1] == {"[]": "", "{}": "{}"}.get(str(wanted).replace(" ", ""), str(wanted))
        if re.fullmatch(r"[a-z0-9./]+", unless_given) and unless_given not in ("nobody", "none"):
            assert unless_given == str(wanted)


def test_kinds_of_environments_differ_in_numbers_not_in_kinds_of_numbers():
    dev, prod = (BY_NAME["modules/sizes.bicep"].variables["sizes"].value[kind] for kind in ("dev", "prod"))
    assert {name: type(value) for name, value in dev.items()} == {name: type(value) for name, value in prod.items()}
    used = set(re.findall(r"\bbought\.(\w+)", BY_NAME["main.bicep"].text))
    assert used == set(prod)


def test_azd_finds_what_azure_yaml_names():
    project = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    infra, (service,) = project["infra"], project["services"].items()
    assert (ROOT / infra["path"] / f"{infra['module']}.bicepparam").is_file()
    assert (ROOT / infra["path"] / f"{infra['module']}.bicep").is_file()
    name, said_of = service
    assert (said_of["host"], said_of["project"], said_of["remoteBuild"]) == ("function", ".", True)
    app = BY_NAME["modules/functions.bicep"].resources["app"]
    assert app.value["tags"] == f"union(tags, {{ 'azd-service-name': '{name}' }})"
    hooks = [hook for ways in project["hooks"].values() for hook in ways.values()]
    assert hooks
    for hook in hooks:
        assert (ROOT / hook["run"]).is_file()
        assert hook["shell"] == {".sh": "sh", ".ps1": "pwsh"}[Path(hook["run"]).suffix]


# ---------------------------------------------------------------- it fits the app

NO_SETTINGS = {"in_azure", "platform_authenticates", "credentials"}
"""Fields of Settings that the platform sets, or that are any number of settings (AFB_CREDENTIAL_...)."""
NOT_SET = {
    "AFB_VAULT_CONNECTION": "a key",
    "AFB_JOURNAL_CONNECTION": "a key",
    "AFB_LOCAL_FILES_ACCOUNT_URL": "for development",
    "AFB_LOCAL_SIGN_IN": "for development",
    "AFB_PRIVATE_WEBHOOKS": "for development",
    "AFB_DRIVER": "its default, durable, is what this deploys",
    "AFB_API_POSTGRES_URL": "takes a role in the database that nobody makes here",
    "AFB_ACTIVITY_SECONDS": "a matter of taste: moreSettings",
    "AFB_LEASE_SECONDS": "the same",
    "AFB_CONTENT_MD5": "the same",
    "AFB_RUNS_AT_ONCE": "the same",
    "AFB_PURGE_GRACE_DAYS": "the same",
    "AFB_LOG_LEVEL": "the same",
    "AFB_LOG_FORMAT": "the same",
    "AFB_TRACE_SAMPLE": "the same",
    "AFB_METRICS_PER_SHARE": "the same",
    "AFB_API_KEYS": "the same",
    "AFB_REQUESTS_PER_S": "the same",
    "AFB_TENANT_REQUESTS_PER_S": "the same",
    "AFB_OTLP_ENDPOINT": "the same",
    "AFB_OTLP_HEADERS": "a secret: secretSettings",
    "AFB_SMTP_URL": "a secret",
    "AFB_MAIL_FROM": "goes with AFB_SMTP_URL",
    "AFB_METRICS_TOKEN": "a secret",
    "AFB_DOWNLOADS_KEY": "a secret",
    "AFB_DOWNLOADS_URL": "goes with AFB_DOWNLOADS_KEY",
    "AFB_APPLICATION_INSIGHTS": "takes a package that is not deployed: docs/OBSERVABILITY.md",
}
"""Settings that no deployment needs, and why."""
SAMPLES = {
    "addresses.catalogueUrl": "postgresql://id-afb-x@psql-afb-x.postgres.database.azure.com:5432/afb?sslmode=require",
    "addresses.vaultUrl": "https://afbvaultx.blob.core.windows.net",
    "addresses.journalUrl": "https://afbjournalx.table.core.windows.net",
    "addresses.hostBlobUrl": "https://afbhostx.blob.core.windows.net",
    "addresses.hostQueueUrl": "https://afbhostx.queue.core.windows.net",
    "addresses.hostTableUrl": "https://afbhostx.table.core.windows.net",
    "addresses.insights": "InstrumentationKey=00000000-0000-0000-0000-000000000000",
    "addresses.scheduler": "Endpoint=https://dts-afb-x.durabletask.io;TaskHub=afb;Authentication=ManagedIdentity",
    "contentTier": "cool",
    "string(width)": "16",
    "publicOrigin": "https://backup.example.com",
    "identity.clientId": "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "'ClientId=${identity.clientId};Authorization=AAD'": "ClientId=x;Authorization=AAD",
    "signIn!.tenantId": "6f9619ff-8b86-d011-b42d-00cf4fc964fe",
    "signIn!.firstAdmin": "6f9619ff-8b86-d011-b42d-00cf4fc964fd",
}
"""What expressions of settings come to."""


def objects_of(name: str) -> list[dict]:
    """The objects that a variable of functions.bicep is one of."""
    node = BY_NAME["modules/functions.bicep"].variables[name].node
    return [found for found in (value_of(child) for child in walk(node) if child.type == "object") if found]


def settings(*, signed_in: bool = True) -> dict[str, str]:
    """All settings that the deployed app finds, without those that parameters add."""
    ((without, with_it), (host,), (ours,)) = (
        objects_of(name) for name in ("signInSettings", "hostSettings", "settings")
    )
    (scheduler,) = objects_of("schedulerSettings")
    found = {**host, **scheduler, **ours, **(with_it if signed_in else without)}
    return {name: SAMPLES[value] if isinstance(value, Expression) else value for name, value in found.items()}


def known_settings() -> set[str]:
    return {f"AFB_{field.name.upper()}" for field in fields(Settings)} - {f"AFB_{name.upper()}" for name in NO_SETTINGS}


def test_the_app_starts_with_these_settings():
    environment = {"WEBSITE_SITE_NAME": "func-afb-x", "WEBSITE_AUTH_ENABLED": "True"}
    found = Settings.from_env(settings() | environment)
    assert (found.postgres_entra, found.entra_sign_in, found.platform_authenticates) == (True, True, True)
    assert (found.migrate, found.width, found.vault_content_tier) == ("auto", 16, "cool")
    assert found.secrets() == []
    assert not Settings.from_env(settings(signed_in=False) | environment).entra_sign_in


def test_every_setting_is_set_or_there_is_a_reason_why_not():
    ours = {name for name in settings() if name.startswith("AFB_")}
    assert ours <= known_settings(), f"no such settings: {ours - known_settings()}"
    assert ours.isdisjoint(NOT_SET)
    assert ours | set(NOT_SET) == known_settings(), (known_settings() - ours) ^ set(NOT_SET)


def test_settings_are_merged_so_that_parameters_cannot_replace_what_is_needed():
    merged = BY_NAME["modules/functions.bicep"].resources["appSettings"].value["properties"]
    assert re.fullmatch(
        r"union\(moreSettings, references, hostSettings, schedulerSettings, settings, signInSettings\)", merged
    )


def test_the_host_finds_its_storage_by_identity():
    given = {
        name.removeprefix("AzureWebJobsStorage__"): value for name, value in settings().items() if "JobsStorage" in name
    }
    assert set(given) == {"blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId"}
    assert given["credential"] == "managedidentity"
    assert "AzureWebJobsStorage" not in settings()
    assert HOST["extensions"]["durableTask"]["storageProvider"]["type"] == "AzureStorage"


def test_python_has_a_thread_for_all_that_the_host_hands_it_at_once():
    durable = HOST["extensions"]["durableTask"]
    at_once = durable["maxConcurrentActivityFunctions"] + durable["maxConcurrentOrchestratorFunctions"]
    assert settings()["PYTHON_THREADPOOL_THREAD_COUNT"] == str(at_once)


def test_with_the_scheduler_the_host_finds_it():
    """By the setting and the hub that the other host.json names."""
    path = re.search(r"^cp (\S+) host\.json", DEPLOY, re.MULTILINE)[1]
    durable = json.loads((ROOT / path).read_text(encoding="utf-8"))["extensions"]["durableTask"]
    assert durable["storageProvider"]["type"] == "azureManaged"
    assert durable["storageProvider"]["connectionStringName"] in settings()
    assert BY_NAME["modules/durable-task.bicep"].resources["taskHub"].value["name"] == durable["hubName"]


def test_names_of_secrets_are_names_that_a_key_vault_takes():
    (value,) = re.findall(r"SecretName=\$\{(.*?)\}\)", BY_NAME["modules/functions.bicep"].text)
    assert value == "toLower(replace(name, '_', '-'))"
    for name in ("AFB_SMTP_URL", "AFB_CREDENTIAL_CONTOSO_2"):
        assert re.fullmatch(r"[0-9a-z-]{1,127}", name.replace("_", "-").lower())
    for setting, secret in re.findall(
        r"`?(AFB_[A-Z_]+)`? is (?:looked for as|the secret) (afb-[a-z-]+)", BY_NAME["main.bicep"].text
    ):
        assert secret == setting.replace("_", "-").lower()


def test_the_hosts_concurrency_fits_what_is_bought():
    durable = HOST["extensions"]["durableTask"]
    at_once = durable["maxConcurrentActivityFunctions"]
    catalogues = BY_NAME["modules/catalogue.bicep"].variables["sizes"].value
    scale = (
        BY_NAME["modules/functions.bicep"]
        .resources["app"]
        .value["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    )
    assert scale["triggers"]["http"]["perInstanceConcurrency"] <= 2 * POOL_SIZE
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{2,44}", durable["hubName"])
    for kind, bought in BY_NAME["modules/sizes.bicep"].variables["sizes"].value.items():
        assert bought["width"] % at_once == 0, f"{kind}: the last instance of a run would idle"
        assert bought["width"] <= bought["instancesMost"] * at_once
        assert 1 <= bought["width"] <= 100
        assert at_once <= 4 * bought["instanceMemoryMb"] // 2048, (
            f"{kind}: host.json has been raised for larger instances"
        )
        reserved = 15  # for the service itself
        assert bought["instancesMost"] * POOL_SIZE <= catalogues[bought["catalogueSize"]]["connections"] - reserved, (
            kind
        )
        assert 2 * bought["instancesReady"] <= bought["instancesMost"]


def test_the_runtime_is_one_that_the_project_supports():
    runtime = BY_NAME["modules/functions.bicep"].resources["app"].value["properties"]["functionAppConfig"]["runtime"]
    assert runtime == {"name": "python", "version": "3.12"}


def test_tables_are_those_that_the_app_writes():
    (account,) = BY_NAME["modules/journal.bicep"].modules.values()
    made = {made["name"] for made in account.value["params"]["tableServices"]["tables"]}
    assert made == {journal_table.TABLE, audit_table.TABLE}
    roles = BY_NAME["modules/roles.bicep"].resources
    assert {roles[name].value["name"] for name in ("journalTable", "auditTable")} == made


def test_alerts_ask_for_timers_and_events_that_there_are():
    timers = (ROOT / "http_api" / "timers.py").read_text(encoding="utf-8")
    queries = [rule["query"] for rule in BY_NAME["modules/alerts.bicep"].variables["logRules"].value]
    names = re.findall(r'Name == "(\w+)"', " ".join(queries))
    assert names
    assert all(f"async def {name}(" in timers for name in names)
    workbook = json.loads((BICEP / "modules" / "workbook.json").read_text(encoding="utf-8"))
    asked = " ".join(item["content"].get("query", "") for item in workbook["items"])
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared" / "usecases").glob("*.py"))
    events = set(re.findall(r"line\.event == '(\w+)'", asked))
    assert events
    assert all(f'log.info("{event}"' in code for event in events)


# ---------------------------------------------------------------- roles, sizes

ROLE_IDS = {
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Storage File Data Privileged Reader": "b8eda974-7b85-4f76-af95-65846b26df6d",
    "Storage File Data Privileged Contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Crypto Service Encryption User": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Durable Task Data Contributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
}
"""Azure's ready-made roles: "Azure built-in roles" in Microsoft's documentation."""
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ROLE = "Microsoft.Authorization/roleDefinitions"


def role_name(file: File, expression: str) -> str:
    """The name of the role that an assignment is of: a ready-made one by its id, or one of the file's own."""
    if (own := re.fullmatch(r"(\w+)\.id", expression)) is not None:
        return re.sub(r" \(.*", "", file.resources[own[1]].value["properties"]["roleName"]).strip("'")
    (variable,) = re.fullmatch(
        r"subscriptionResourceId\('Microsoft\.Authorization/roleDefinitions', (\w+)\)", expression
    ).groups()
    names = {role_id: name for name, role_id in ROLE_IDS.items()}
    name = names[file.variables[variable].value]
    assert variable == name[0].lower() + name[1:].replace(" ", ""), "a variable that says another role than it is"
    return name


def assignments() -> list[tuple[File, bicep.Declared]]:
    return [(file, found) for file in ALL for found in file.resources.values() if found.text.startswith(ASSIGNMENT)]


def test_roles_are_those_of_the_document():
    found = [
        [
            file.name,
            said_of.value["scope"].rpartition("::")[2],
            role_name(file, said_of.value["properties"]["roleDefinitionId"]),
        ]
        for file, said_of in assignments()
    ]
    assert [row[:3] for row in table("roles", "end of roles")] == sorted(
        found, key=lambda row: DEPLOY.index(" | ".join([f"`{row[0]}`", f"`{row[1]}`", row[2]]))
    )


def test_no_role_is_given_anywhere_else():
    for name, module in verified_modules():
        assert "roleAssignments" not in str(module.value), f"{name}: {module.name}"
    assert {file.name for file, _ in assignments()} == {"modules/roles.bicep", "modules/key-role.bicep", "source.bicep"}


def test_an_assignment_is_named_after_whom_what_and_where():
    """Else a second deployment is refused: it would be another assignment of the same."""
    for file, found in assignments():
        properties = found.value["properties"]
        role = re.search(r"(\w+)(?:\.id|\))$", properties["roleDefinitionId"])[0].rstrip(")")
        assert found.value["name"] == f"guid({found.value['scope']}.id, principalId, {role})", (
            f"{file.name}: {found.name}"
        )
        assert properties["principalId"] == "principalId"
        assert properties["principalType"] == "ServicePrincipal"


def test_to_write_to_shares_takes_saying_so():
    source = BY_NAME["source.bicep"]
    assert source.params["restore"].value is False
    writes = source.resources["appRestoresToShares"]
    assert said(writes.node).partition("=")[2].strip().startswith("if (restore)")


def test_roles_of_our_own_are_as_narrow_as_the_documents_say():
    appender = BY_NAME["modules/roles.bicep"].resources["auditAppender"].value["properties"]["permissions"]
    security = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r'```json\n("actions".*?)\n```', security, re.DOTALL)
    assert appender == [json.loads("{" + printed + "}")]
    (taker,) = BY_NAME["source.bicep"].resources["snapshotTaker"].value["properties"]["permissions"]
    assert set(taker) == {"actions"}
    assert all(action.startswith("Microsoft.Storage/storageAccounts/fileServices/") for action in taker["actions"])
    own = [found for file in ALL for found in file.resources.values() if found.text.startswith(ROLE)]
    assert len(own) == 2
    assert not any(
        "*" in action
        for role in own
        for part in role.value["properties"]["permissions"]
        for a in part.values()
        for action in a
    )


BYTES_PER_FILE = 50
MEMORY_PART = 0.8


def test_sizes_are_those_of_the_document():
    sizes = BY_NAME["modules/catalogue.bicep"].variables["sizes"].value
    rows = [
        [
            name,
            size["sku"],
            f"{size['memoryGib']} GiB",
            f"{int(size['memoryGib'] * 2**30 * MEMORY_PART / BYTES_PER_FILE / 1e6):,} million",
            f"{size['connections']:,}",
        ]
        for name, size in sizes.items()
    ]
    assert table("sizes", "end of sizes") == rows
    assert [
        name.strip(" '")
        for name in said(BY_NAME["modules/catalogue.bicep"].types["catalogueSizeType"].node)
        .partition("=")[2]
        .split("|")
    ] == list(sizes)
    for name, size in sizes.items():
        # Five times what fits in memory: write-ahead log and a rebuild beside it.
        assert size["storageGb"] >= 4 * size["memoryGib"], name
        assert (size["tier"] == "Burstable") == size["sku"].startswith("Standard_B")
        assert size["tier"] == "Burstable" or re.fullmatch(r"Standard_E\d+ds_v5", size["sku"])


def test_only_servers_that_can_have_a_standby_are_asked_to():
    catalogues = BY_NAME["modules/catalogue.bicep"].variables["sizes"].value
    for bought in BY_NAME["modules/sizes.bicep"].variables["sizes"].value.values():
        assert not bought["zoneRedundant"] or catalogues[bought["catalogueSize"]]["tier"] != "Burstable"


# ---------------------------------------------------------------- secure

OPEN_OR_CLOSED = {"empty(place.subnetId) ? 'Enabled' : 'Disabled'", "empty(subnetId) ? 'Enabled' : 'Disabled'"}
PUBLIC = {
    "operational-insights/workspace": "telemetry comes from the platform, and takes a token",
    "insights/component": "the same",
}
"""Verified modules that have a public endpoint whatever the network, and why."""
HAVE_NO_ENDPOINT = ("managed-identity/", "network/", "consumption/")


def test_nothing_asks_for_a_key_or_a_password():
    forbidden = r"listKeys|listAccountSas|listServiceSas|listSecrets|@secure|getSecret|AccountKey=|administratorLogin|primaryAccessKey|instrumentationKey"
    for file in [*ALL, *PARAMETERS]:
        code = re.sub(r"^\s*(//|@description).*$", "", file.text, flags=re.MULTILINE)
        assert not re.search(forbidden, code, re.IGNORECASE), file.name


def test_storage_takes_no_shared_keys():
    accounts = verified_modules("storage/storage-account")
    assert len(accounts) == 3
    for name, module in accounts:
        given = module.value["params"]
        assert given["allowSharedKeyAccess"] is False, name
        assert given["defaultToOAuthAuthentication"] is True, name
        assert given["networkAcls"] == {
            "bypass": "None",
            "defaultAction": "empty(place.subnetId) ? 'Allow' : 'Deny'",
        }, name
        assert given.keys().isdisjoint({"allowBlobPublicAccess", "minimumTlsVersion"}), "the defaults are the safe ones"


def test_in_a_private_network_nothing_answers_outside():
    for name, module in verified_modules():
        kind = module.text.removeprefix("br/public:avm/res/").partition(":")[0]
        if kind.startswith(HAVE_NO_ENDPOINT) or kind in PUBLIC:
            continue
        given = module.value["params"]
        assert given["publicNetworkAccess"] in OPEN_OR_CLOSED, f"{name}: {module.name}"
        assert "privateEndpoints" in given or "delegatedSubnetResourceId" in given, f"{name}: {module.name}"
    sizes = BY_NAME["modules/sizes.bicep"].variables["sizes"].value
    assert sizes["prod"]["privateNetwork"] is True
    asked = re.findall(r"endpointsOf\(place, (\[.*?\])\)", "".join(file.text for file in ALL))
    assert sorted(asked) == ["['blob', 'queue', 'table']", "['blob']", "['table']", "['vault']"]
    zones = re.findall(r"^        (\w+): network!\.outputs\.\w+ZoneId$", BY_NAME["main.bicep"].text, re.MULTILINE)
    assert set(zones) == {"blob", "queue", "table", "vault"}


def test_zones_are_read_in_the_order_they_are_made():
    network = BY_NAME["modules/network.bicep"]
    made = [*re.findall(r"'(\w+)'", re.search(r"for service in \[(.*?)\]", network.text)[1]), "keyVault", "catalogue"]
    outputs = {
        name.removesuffix("ZoneId"): out.value for name, out in network.outputs.items() if name.endswith("ZoneId")
    }
    assert outputs == {name: f"zone[{index}].outputs.resourceId" for index, name in enumerate(made)}
    assert network.variables["zones"].value == "concat(storageZones, [keyVaultZone, catalogueZone])"


def test_no_native_resource_has_an_endpoint_but_those_with_a_reason():
    native = {
        r.text.partition("@")[0] for file in ALL for r in file.resources.values() if "@" in r.text and not r.existing
    }
    assert native == {
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Authorization/roleDefinitions",
        "Microsoft.Insights/actionGroups",
        "Microsoft.Insights/metricAlerts",
        "Microsoft.Insights/scheduledQueryRules",
        "Microsoft.Insights/workbooks",
        "Microsoft.Web/serverfarms",
        "Microsoft.Web/sites",  # people open it: allowedRanges and sign-in
        "Microsoft.DurableTask/schedulers",  # takes tokens only, and is only there when asked for
        "Microsoft.DurableTask/schedulers/taskHubs",
    }


def test_the_door_of_the_app_is_as_the_security_document_says():
    resources = BY_NAME["modules/functions.bicep"].resources
    app, door = resources["app"].value["properties"], resources["authentication"].value["properties"]
    assert (app["httpsOnly"], app["siteConfig"]["minTlsVersion"]) == (True, "1.2")
    publishing = [found.value for found in resources.values() if found.text == "basicPublishingCredentialsPolicies"]
    assert {found["name"]: found["properties"]["allow"] for found in publishing} == {"scm": False, "ftp": False}
    assert door["globalValidation"] == {"requireAuthentication": False, "unauthenticatedClientAction": "AllowAnonymous"}
    assert door["httpSettings"] == {"requireHttps": True}
    assert door["platform"] == {"enabled": "signIn != null"}
    text = said(resources["authentication"].node)
    assert "clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'" in text
    assert "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID" in settings()


def test_identities_are_the_only_way_in():
    (server,) = BY_NAME["modules/catalogue.bicep"].modules.values()
    assert server.value["params"]["authConfig"] == {"activeDirectoryAuth": "Enabled", "passwordAuth": "Disabled"}
    monitoring = BY_NAME["modules/monitoring.bicep"].modules
    assert monitoring["workspace"].value["params"]["features"]["disableLocalAuth"] is True
    assert monitoring["insights"].value["params"]["disableLocalAuth"] is True
    (key_vault,) = BY_NAME["modules/key-vault.bicep"].modules.values()
    assert key_vault.value["params"]["enableRbacAuthorization"] is True
    assert "secrets" not in key_vault.value["params"]


def test_what_is_deleted_can_be_brought_back_and_the_vault_is_locked():
    (account,) = BY_NAME["modules/vault.bicep"].modules.values()
    blobs = account.value["params"]["blobServices"]
    for kept in ("isVersioningEnabled", "deleteRetentionPolicyEnabled", "containerDeleteRetentionPolicyEnabled"):
        assert blobs[kept] is True
    (rule,) = account.value["params"]["managementPolicyRules"]
    assert set(rule["definition"]["actions"]) == {"version"}, "a rule for what is there would delete or move backups"
    prod = BY_NAME["modules/sizes.bicep"].variables["sizes"].value["prod"]
    assert (prod["vaultLocked"], prod["purgeProtection"], prod["softDeleteDays"]) == (True, True, 30)


def test_verified_modules_do_not_report_to_their_makers():
    for name, module in verified_modules():
        assert module.value["params"]["enableTelemetry"] is False, f"{name}: {module.name}"


# ---------------------------------------------------------------- what is deployed, and how

DEPLOYED = {
    "activities",
    "function_app.py",
    "host.json",
    "http_api",
    "orchestrators",
    "requirements.txt",
    "schema",
    "shared",
    "web_static",
}


def deployed() -> list[str]:
    """Files of the repository that go into the package."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text(encoding="utf-8").splitlines())
    return [name for name in listed if not ignored.match_file(name)]


def test_the_package_has_what_the_app_needs_and_nothing_else():
    names = deployed()
    assert {name.partition("/")[0] for name in names} == DEPLOYED
    for needed in ("schema/sql/0001_pre_catalogue.sql", "shared/core/prices.toml", "function_app.py", "host.json"):
        assert needed in names
    packages = {name.partition("/")[0] for name in names if name.endswith(".py")}
    imported = set()
    for name in names:
        if name.endswith(".py"):
            text = (ROOT / name).read_text(encoding="utf-8")
            imported |= set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    assert imported & ours <= packages


def test_templates_styles_and_all_else_that_modules_read_is_in_the_package():
    names = set(deployed())
    beside = {
        path.relative_to(ROOT).as_posix()
        for part in ("http_api", "shared", "web_static")
        for path in (ROOT / part).rglob("*")
        if path.is_file()
        and path.suffix in (".html", ".toml", ".css", ".js", ".svg", ".woff2", ".json")
        and "node_modules" not in path.parts
    }
    tracked = set(
        subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    )
    assert beside & tracked
    assert beside & tracked <= names


def run(script: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(script)], env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_compiler_make_bicep_says_how_to_get_one(tmp_path):
    for program in ("bash", "dirname", "grep", "cat"):
        (tmp_path / program).symlink_to(shutil.which(program))
    done = run(BICEP / "compile.sh", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "there is no Bicep compiler here\nhint: az bicep install" in done.stderr


@pytest.mark.parametrize(
    ("says", "ends"),
    [("", 0), ("main.bicep(3,1) : Warning no-unused-params: x", 1), ("main.bicep(3,1) : Error BCP018: x", 1)],
)
def test_make_bicep_compiles_every_file_and_takes_warnings_for_errors(tmp_path, says, ends):
    compiler = tmp_path / "bicep"
    compiler.write_text(f'#!/bin/sh\necho "$1 $3" >>{tmp_path}/calls\n[ -z "{says}" ] || echo "{says}" >&2\n')
    compiler.chmod(0o755)
    for program in ("bash", "dirname", "grep", "cat"):
        (tmp_path / program).symlink_to(shutil.which(program))
    done = run(BICEP / "compile.sh", PATH=str(tmp_path))
    assert done.returncode == ends, done.stderr
    called = (tmp_path / "calls").read_text().splitlines()
    expected = [f"build {file.name}" for file in ALL] + [f"build-params {file.name}" for file in PARAMETERS]
    assert sorted(called) == sorted(expected)


def test_a_deployment_ends_well_when_the_app_answers(httpserver_like):
    url, answers = httpserver_like
    answers += [503, 500, 200]
    done = run(BICEP / "hooks" / "wait-until-ready.sh", PATH="/usr/bin:/bin", AFB_URL=url, AFB_READY_PAUSE_S="0")
    assert (done.returncode, answers) == (0, [])
    assert done.stdout == f'the app answers at {url}/api/health: {{"status": "ok"}}\n'


def test_a_deployment_fails_when_the_app_does_not_answer(httpserver_like):
    url, answers = httpserver_like
    answers += [503, 503, 503]
    hook = BICEP / "hooks" / "wait-until-ready.sh"
    done = run(hook, PATH="/usr/bin:/bin", AFB_URL=url, AFB_READY_PAUSE_S="0", AFB_READY_TRIES="3")
    assert (done.returncode, answers) == (1, [])
    assert re.search(r"does not answer at .*503.*\nhint: ", done.stderr)
    assert run(hook, PATH="/usr/bin:/bin", AFB_URL=url, AFB_READY_TRIES="0").returncode == 0
    assert run(hook, PATH="/usr/bin:/bin").returncode != 0


@pytest.fixture
def httpserver_like():
    """An app that answers ``/api/health`` with the statuses of a list, one after the other."""
    import http.server
    import threading

    answers: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status = answers.pop(0) if answers and self.path == "/api/health" else 404
            body = b'{"status": "ok"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", answers
        server.shutdown()
        thread.join()
