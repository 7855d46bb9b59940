#!/usr/bin/env bash
# Make .venv-detector: the independent face-landmark detector that some tests look through.
# It has an environment of its own because its pinned dependencies must not rule the project's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    echo "[set-up] no detector: it has no release for Python later than 3.12; its tests are skipped"
    exit 0
fi
echo "[set-up] installing the face detector into .venv-detector"
.venv/bin/python -m venv --clear .venv-detector
.venv-detector/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --requirement scripts/detector-requirements.txt
if ! message=$(.venv-detector/bin/python -c 'import mediapipe' 2>&1); then
    printf '%s\n[set-up] error: the face detector does not import\n' "$message" >&2
    exit 1
fi
