"""The Functions app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities import (
    backup_directories,
    close_run,
    open_run,
    prune_points,
    purge_pieces,
    rebuild_catalogue,
    restore_directories,
    scan_directories,
    sweep_pieces,
    verify_pieces,
)
from http_api import (
    accounts,
    alerts,
    audit,
    channels,
    connection,
    deletions,
    downloads,
    estimates,
    exports,
    fallback,
    health,
    idempotency,
    keys,
    members,
    metrics,
    nodes,
    openapi,
    overview,
    policies,
    rebuilds,
    restores,
    retention,
    runs,
    schedules,
    shares,
    tenants,
    timers,
    usage,
    verifications,
)
from http_api.pages import alerts as alert_pages
from http_api.pages import analytics as analytics_pages
from http_api.pages import audit as audit_pages
from http_api.pages import browse as browse_pages
from http_api.pages import channels as channel_pages
from http_api.pages import difference as difference_page
from http_api.pages import first_share as first_share_pages
from http_api.pages import keys as keys_pages
from http_api.pages import members as members_pages
from http_api.pages import node as node_pages
from http_api.pages import overview as overview_page
from http_api.pages import people as people_pages
from http_api.pages import points as point_pages
from http_api.pages import policies as policy_pages
from http_api.pages import restores as restore_pages
from http_api.pages import retention as retention_pages
from http_api.pages import run_journal as run_journal
from http_api.pages import running as running_pages
from http_api.pages import runs as run_pages
from http_api.pages import schedules as schedule_pages
from http_api.pages import search as search_page
from http_api.pages import settings as settings_pages
from http_api.pages import shares as share_pages
from http_api.pages import static
from http_api.pages import tenants as tenant_pages
from http_api.pages import usage as usage_pages
from http_api.pages import verify as verify_pages
from http_api.pages import versions as version_pages
from orchestrators import backup, prune, purge, rebuild, restore, scan, sweep, verify

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for module in (
    open_run,
    backup_directories,
    restore_directories,
    scan_directories,
    verify_pieces,
    rebuild_catalogue,
    prune_points,
    sweep_pieces,
    purge_pieces,
    close_run,
    backup,
    restore,
    scan,
    verify,
    rebuild,
    prune,
    sweep,
    purge,
    tenants,
    shares,
    deletions,
    runs,
    restores,
    nodes,
    verifications,
    policies,
    retention,
    rebuilds,
    schedules,
    alerts,
    channels,
    timers,
    downloads,
    connection,
    exports,
    usage,
    estimates,
    overview,
    members,
    keys,
    accounts,
    audit,
    health,
    metrics,
    idempotency,
    openapi,
    overview_page,
    running_pages,
    tenant_pages,
    first_share_pages,
    alert_pages,
    channel_pages,
    share_pages,
    point_pages,
    policy_pages,
    retention_pages,
    schedule_pages,
    settings_pages,
    run_pages,
    run_journal,
    verify_pages,
    browse_pages,
    node_pages,
    version_pages,
    difference_page,
    search_page,
    analytics_pages,
    audit_pages,
    keys_pages,
    members_pages,
    people_pages,
    usage_pages,
    restore_pages,
    static,
    fallback,
):
    app.register_functions(module.bp)
