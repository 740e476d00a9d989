"""The Functions app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from activities import backup_directories, close_run, open_run, restore_directories, scan_directories
from http_api import downloads, health, overview, restores, runs, shares, tenants
from orchestrators import backup, restore, scan

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

for module in (
    open_run,
    backup_directories,
    restore_directories,
    scan_directories,
    close_run,
    backup,
    restore,
    scan,
    tenants,
    shares,
    runs,
    restores,
    downloads,
    overview,
    health,
):
    app.register_functions(module.bp)
