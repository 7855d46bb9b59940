#!/usr/bin/env bash
# Set LipTwin up in this checkout: system libraries, .venv, the package with its development tools.
# Called by the Makefile; safe to run again. PYTHON=/path/to/python3.12 chooses the interpreter.
# Argument: "use" for what the commands need (a minute), "develop" for all that the tests need too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
    use) extras=tts,align,learn,audio,plots,repair ;;
    develop) extras=tts,align,voices,kanji,learn,singing,rl,audio,plots,repair,sysid,vtl,dev ;;
    *)
        printf 'usage: %s use|develop\n' "$0" >&2
        exit 2
        ;;
esac

say() { printf '\033[1m[set-up]\033[0m %s\n' "$*"; }
fail() {
    printf '[set-up] error: %s\n' "$*" >&2
    exit 1
}

# Install Debian packages if this user may; return 1 if not.
install_packages() {
    local root=()
    if ! command -v apt-get >/dev/null; then
        return 1
    elif [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        root=(sudo -n)
    fi
    say "installing with apt: $*"
    "${root[@]}" apt-get update -qq || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null || return 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

loads() { "$python" -c "import ctypes, sys; [ctypes.CDLL(n) for n in sys.argv[1:]]" "$@" 2>/dev/null; }

python=$(find_python) || fail "no Python 3.11 or later found${PYTHON:+ at $PYTHON}. \
Install one (for example: apt-get install python3.11 python3.11-venv), or set PYTHON=/path/to/it."

if ! loads libEGL.so.1 libGL.so.1 libGLESv2.so.2; then
    install_packages libegl1 libgl1 libgles2 || say "warning: the OpenGL libraries are missing and \
could not be installed; pictures and videos will not work until you run, as root: \
apt-get install libegl1 libgl1 libgles2"
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    install_packages "$version" || fail "Python's venv module is missing and could not be \
installed. Run as root: apt-get install $version"
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

say "installing liptwin into .venv, to $1 (a minute to use, several to develop)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable ".[$extras]"
if [ "$1" = develop ]; then
    command -v flite >/dev/null || install_packages flite || say "warning: flite is missing; its \
voices, from which the speech encoder is trained, will not work until you run, as root: \
apt-get install flite"
    # The styles of Kokoro's speakers come from a package of npm; one that is here already stays.
    if ! .venv/bin/liptwin voices kokoro:af_heart >/dev/null 2>&1; then
        command -v npm >/dev/null || install_packages npm || true
        packed=$(mktemp -d)
        if (cd "$packed" && npm pack --silent kokoro-js@1.2.1 >/dev/null); then
            .venv/bin/liptwin voices kokoro:af_heart --add "$packed"/kokoro-js-1.2.1.tgz >/dev/null
        else
            say "warning: Kokoro's English speakers are missing; those voices, from which the speech \
encoder is trained, will not work until you install npm and run: npm pack kokoro-js@1.2.1 && \
liptwin voices --add kokoro-js-1.2.1.tgz"
        fi
        rm -rf "$packed"
    fi
    # A peer of the bus tests asks for a whole desktop toolkit that its bus part does not use.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps pylx16a==1.1.1
fi

# Some machines have EGL libraries but no driver behind them: OSMesa then draws in plain software.
if [ "$(uname -s)" = Linux ] && ! .venv/bin/python -m liptwin.gl; then
    install_packages libosmesa6 || true
    .venv/bin/python -m liptwin.gl || say "warning: no rendering back end draws a picture \
here; see what .venv/bin/liptwin doctor says"
fi
