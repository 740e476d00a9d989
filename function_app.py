"""The Functions app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities import (
    backup_directories,
    close_run,
    open_run,
    rebuild_catalogue,
    restore_directories,
    scan_directories,
    verify_pieces,
)
from http_api import (
    accounts,
    alerts,
    audit,
    channels,
    connection,
    downloads,
    exports,
    fallback,
    health,
    idempotency,
    keys,
    members,
    nodes,
    openapi,
    overview,
    rebuilds,
    restores,
    runs,
    schedules,
    shares,
    tenants,
    timers,
    usage,
    verifications,
)
from orchestrators import backup, rebuild, restore, scan, verify

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for module in (
    open_run,
    backup_directories,
    restore_directories,
    scan_directories,
    verify_pieces,
    rebuild_catalogue,
    close_run,
    backup,
    restore,
    scan,
    verify,
    rebuild,
    tenants,
    shares,
    runs,
    restores,
    nodes,
    verifications,
    rebuilds,
    schedules,
    alerts,
    channels,
    timers,
    downloads,
    connection,
    exports,
    usage,
    overview,
    members,
    keys,
    accounts,
    audit,
    health,
    idempotency,
    openapi,
    fallback,
):
    app.register_functions(module.bp)
