#!/usr/bin/env bash
# Make sure that the browser tests find a Chromium: as root on Debian, install it; else say what to do.
# Without one the browser tests are skipped, which is fine at a desk and a failure under CI=true.
set -euo pipefail

found() {
    local name
    for name in "${CHARGEHOUSE_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

if found; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "No Chromium here: installing the one of the distribution for the browser tests."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } || true
fi
if found; then
    exit 0
fi
echo "No Chromium here: the browser tests will be skipped. Install one (Debian: apt-get install chromium)" \
    "or name it in CHARGEHOUSE_CHROMIUM." >&2
if [ "${CI:-}" = "true" ]; then
    echo "Under CI=true the browser tests may not be skipped." >&2
    exit 1
fi
