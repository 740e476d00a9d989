#!/usr/bin/env bash
# Compile and lint everything in this directory; warnings count as errors. Fetches the pinned verified modules from the public registry.
set -euo pipefail
cd "$(dirname "$0")"

if command -v bicep >/dev/null; then
  build() { bicep build --stdout "$1"; }
  build_params() { bicep build-params --stdout "$1"; }
elif command -v az >/dev/null && az bicep version >/dev/null 2>&1; then
  build() { az bicep build --stdout --file "$1"; }
  build_params() { az bicep build-params --stdout --file "$1"; }
else
  echo "there is no Bicep compiler here" >&2
  echo "hint: az bicep install, or put bicep from https://github.com/Azure/bicep/releases on the PATH" >&2
  exit 1
fi

export AZURE_ENV_NAME=lint AZURE_LOCATION=westeurope
failed=0
check() { # function, file
  if ! said=$("$1" "$2" 2>&1 >/dev/null) || grep -qE ': (Warning|Error) ' <<<"$said"; then
    failed=1
  fi
  [ -z "$said" ] || echo "$said" >&2
}
for file in *.bicep modules/*.bicep; do
  check build "$file"
done
for file in *.bicepparam; do
  check build_params "$file"
done
[ "$failed" -eq 0 ] && echo "infra/bicep compiles without a warning"
exit "$failed"
