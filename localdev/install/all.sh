#!/usr/bin/env bash
# Installs everything the one-machine stack and the tests need; safe to repeat and to run twice at once.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build
exec 9>build/.install.lock
flock 9
# A minute of downloading that nothing below waits for.
localdev/install/chromium.sh &
localdev/install/python.sh
localdev/install/azurite.sh
localdev/install/azcopy.sh
localdev/install/flatc.sh
localdev/install/zstd.sh
localdev/install/npm.sh localdev/web_build build/web "Tailwind, htmx and axe-core"
wait
