#!/usr/bin/env bash
# Owns .venv: a virtual environment of Python 3.11 or 3.12 with the pinned packages. Does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/../.."
stamp=.venv/.installed

# True for an interpreter that really runs (a pyenv shim may exist and yet fail) and has a version we support.
usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

# Debian keeps ensurepip, which venv needs, in a package of its own.
can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.12 python3.11 python3 /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3; do
        if [ -n "$candidate" ] && usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 or 3.12 found." >&2
    echo "hint: install one (Debian 12: apt-get install python3 python3-venv), or name it: make install PYTHON=/path/to/python" >&2
    return 1
}

make_venv() {
    local python package
    python=$(find_python)
    if ! can_make_venv "$python"; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        echo "Python $python lacks ensurepip: installing $package"
        if ! localdev/install/apt.sh "$package" || ! can_make_venv "$python"; then
            echo "error: $python cannot create virtual environments: its ensurepip module is missing." >&2
            echo "hint: as root: apt-get install $package" >&2
            return 1
        fi
    fi
    echo "Creating .venv with $("$python" -V) ($python)"
    "$python" -m venv --clear .venv
}

wanted() {
    cat requirements.txt requirements-dev.txt
    .venv/bin/python -c 'import sys; print(sys.version)'
}

if ! usable .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    make_venv
fi
wanted=$(wanted | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing Python packages into .venv (a minute or two the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r requirements-dev.txt
    echo "$wanted" >"$stamp"
fi
