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
from http_api import downloads, health, nodes, overview, rebuilds, restores, runs, shares, tenants, verifications
from orchestrators import backup, prune, rebuild, restore, scan, sweep, verify

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

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
    overview,
    health,
):
    app.register_functions(module.bp)
