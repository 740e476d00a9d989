#!/usr/bin/env bash
# Tries to provide the zstd program. Never fails: it is needed only by the tests that get files back without this product.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v zstd >/dev/null && ! localdev/install/apt.sh zstd; then
    echo "note: zstd is missing and could not be installed; to test docs/DISASTER.md: apt-get install zstd"
fi
