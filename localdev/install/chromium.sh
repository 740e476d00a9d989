#!/usr/bin/env bash
# Tries to provide Chromium, for the tests of pages. Never fails: without it those tests say so and what to do.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v chromium >/dev/null && ! localdev/install/apt.sh chromium; then
    echo "note: chromium is missing and could not be installed; to test the pages: apt-get install chromium"
fi
