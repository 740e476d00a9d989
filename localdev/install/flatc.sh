#!/usr/bin/env bash
# Tries to provide flatc, the FlatBuffers compiler. Never fails: it is needed only after a schema was edited
# (make generate) and by the test that the generated code is current, which says so itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v flatc >/dev/null && ! localdev/install/apt.sh flatbuffers-compiler; then
    echo "note: flatc is missing and could not be installed; to edit schemas: apt-get install flatbuffers-compiler"
fi
