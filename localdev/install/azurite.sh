#!/usr/bin/env bash
# Owns build/azurite: Azurite and everything it needs, exactly as its lock file says.
set -euo pipefail
exec "$(dirname "$0")/npm.sh" localdev/services/azurite_package build/azurite Azurite
