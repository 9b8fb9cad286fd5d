#!/usr/bin/env bash
# Compile requirements/dev.txt and requirements/run.txt from pyproject.toml, with hashes.
# One file serves every Python we support, so it is compiled on the oldest; tests/house/test_requirements.py
# checks that no newer one needs more. The run-time pins are constrained by those of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "Pins are compiled on Python 3.11, the oldest that we support: make pins PYTHON=python3.11" >&2
    exit 1
fi
tools=.make/pins
if [ ! -x "$tools/bin/pip-compile" ]; then
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet "pip-tools>=7.5"
fi

flags=(
    --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate --upgrade --quiet
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
)

newer=${NEWER:-python3.13}
if ! "$newer" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 13))'; then
    echo "requirements/newer.in is compiled on Python 3.13 or newer: make pins NEWER=python3.13" >&2
    exit 1
fi
if [ ! -x "$tools/newer/bin/pip-compile" ]; then
    "$newer" -m venv "$tools/newer"
    "$tools/newer/bin/python" -m pip install --quiet "pip-tools>=7.5"
fi

compile() { # compile NAME [more flags …]
    local name=$1
    shift
    "$tools/bin/pip-compile" "${flags[@]}" "$@" --output-file ".make/$name.txt" pyproject.toml requirements/build.in
    {
        echo "# Compiled from pyproject.toml and build.in by \`make pins\`; not edited by hand."
        cat ".make/$name.txt" .make/newer.txt
    } >"requirements/$name.txt"
}

rm -f .make/dev.txt .make/run.txt .make/newer.txt
"$tools/newer/bin/pip-compile" "${flags[@]}" --output-file .make/newer.txt requirements/newer.in
compile dev --extra dev
compile run --constraint requirements/dev.txt
