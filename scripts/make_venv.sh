#!/usr/bin/env bash
# make_venv.sh PYTHON FOLDER — a virtual environment, or a sentence that says what is missing.
set -euo pipefail

python=$1
folder=$2

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no '$python' here. Install Python 3.11 or newer, or name one: make run PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Chargehouse needs Python 3.11 or newer, and '$python' is $("$python" -V 2>&1)." \
        "Name a newer one: make run PYTHON=python3.12" >&2
    exit 1
fi
if [ -x "$folder/bin/python" ] && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

rm -rf "$folder"
if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv "$folder"
elif "$python" -c 'import venv, pip' 2>/dev/null; then
    # Debian ships ensurepip apart; its pip can furnish an environment from outside.
    "$python" -m venv --without-pip "$folder"
    if ! "$python" -m pip --quiet --disable-pip-version-check --python "$folder/bin/python" install pip; then
        rm -rf "$folder"
        echo "'$python' could not put pip into a virtual environment." \
            "On Debian and Ubuntu this helps: apt-get install python3-venv" >&2
        exit 1
    fi
else
    echo "'$python' can make no virtual environment: its venv or ensurepip module is missing." \
        "On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
fi
