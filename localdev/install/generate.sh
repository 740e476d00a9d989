#!/usr/bin/env bash
# generate.sh [DIRECTORY]: Python code from schema/fbs/*.fbs, into shared/formats/_generated unless told otherwise.
set -euo pipefail
target=$(realpath -m "${1:-$(dirname "$0")/../../shared/formats/_generated}")
cd "$(dirname "$0")/../.."

if ! command -v flatc >/dev/null; then
    echo "error: flatc, the FlatBuffers compiler, is not installed. hint: as root: apt-get install flatbuffers-compiler" >&2
    exit 1
fi
mkdir -p "$target"
flatc --python -o "$target" schema/fbs/*.fbs
