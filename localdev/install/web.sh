#!/usr/bin/env bash
# Owns build/web and what is built from it into web_static: the style sheet of http_api/styles, htmx and the font. What is built is committed:
# the app is deployed without Node.js, and nothing is fetched at run time. `--check` builds beside it and says what differs.
set -euo pipefail
cd "$(dirname "$0")/../.."
localdev/install/npm.sh localdev/web_build build/web Tailwind
into=web_static
if [ "${1:-}" = "--check" ]; then
    into=build/web_check
    rm -rf "$into"
    mkdir -p "$into"
fi
packages=build/web/node_modules
node=$(.venv/bin/python -c 'from localdev.services import node; print(node.program())')
# The style sheet says `@import "tailwindcss"`; that is looked for from where it is, so it is built beside the packages.
mkdir -p build/web/http_api
rm -rf build/web/http_api/styles build/web/http_api/templates
cp -r http_api/styles http_api/templates build/web/http_api/
"$node" "$packages/@tailwindcss/cli/dist/index.mjs" --minify \
    --input build/web/http_api/styles/style.css --output "$into/style.css" 2>build/web/tailwind.log || { cat build/web/tailwind.log >&2; exit 1; }
cp "$packages/htmx.org/dist/htmx.min.js" "$into/htmx.js"
cp "$packages/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2" "$into/inter.woff2"
# By the name that pages preload it by and browsers keep it by (http_api/assets.py); by another it would be fetched twice, and asked for again each time.
hash=$(sha256sum "$into/inter.woff2" | cut -c 1-12)
sed -i "s/url(inter\.woff2)/url(inter.$hash.woff2)/" "$into/style.css"
cp "$packages/@fontsource-variable/inter/LICENSE" "$into/inter-license.txt"
if [ "$into" != web_static ]; then
    for file in "$into"/*; do
        if ! cmp -s "$file" "web_static/${file##*/}"; then
            echo "error: web_static/${file##*/} is not what its sources give; hint: run \`make web\` and commit it" >&2
            exit 1
        fi
    done
fi
