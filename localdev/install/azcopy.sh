#!/usr/bin/env bash
# Owns build/azcopy: AzCopy, a client the Azure Files emulator is tested with. Never fails: where AzCopy cannot be had,
# the tests that need it are skipped and say so themselves. It links to a library that only the system has.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=build/azcopy
program=$target/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "note: AzCopy comes for Linux on x86-64 only; the tests that need it will be skipped"
    exit 0
fi
if ! localdev/install/npm.sh localdev/install/azcopy_package "$target" AzCopy; then
    echo "note: AzCopy could not be installed; the tests that need it will be skipped"
    exit 0
fi
chmod +x "$program"
if ldd "$program" | grep -q 'libsecret-1.so.0 => not found' && ! localdev/install/apt.sh libsecret-1-0; then
    echo "note: AzCopy needs a library that is missing and could not be installed: as root: apt-get install libsecret-1-0"
fi
