#!/usr/bin/env bash
# apt.sh PACKAGE: installs a Debian package if this user may do so without being asked anything; fails otherwise.
set -euo pipefail
package=$1

command -v apt-get >/dev/null || exit 1
root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || exit 1
    root=(sudo -n)
fi
# One at a time: apt does not wait for another one that reads the lists.
mkdir -p "$(dirname "$0")/../../build"
exec 8>"$(dirname "$0")/../../build/.apt.lock"
flock 8
install() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$package" \
        </dev/null >/dev/null
}
# A fresh machine may have no package lists yet, and an old one outdated lists.
install 2>/dev/null || { "${root[@]}" apt-get update --quiet </dev/null >/dev/null && install; }
