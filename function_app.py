"""The Functions app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities import (
    backup_directories,
    close_run,
    open_run,
    prune_points,
    rebuild_catalogue,
    restore_directories,
    scan_directories,
    sweep_pieces,
    verify_pieces,
)
from http_api import (
    accounts,
    audit,
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
    shares,
    tenants,
    usage,
    verifications,
)
from orchestrators import backup, prune, rebuild, restore, scan, sweep, verify

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
    close_run,
    backup,
    restore,
    scan,
    verify,
    rebuild,
    prune,
    sweep,
    tenants,
    shares,
    runs,
    restores,
    nodes,
    verifications,
    rebuilds,
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
