#!/bin/sh
# Make .venv in the checkout and install stratsim into it, if that is not done:
#   sh tools/setup.sh runtime     what users need
#   sh tools/setup.sh test        that, and what the tests need
# PYTHON=/path/to/python chooses the interpreter.
set -eu
unset CDPATH
cd "$(dirname -- "$0")/.."
. tools/env.sh

kind=${1:-runtime}
case $kind in
    runtime) target=. ;;
    *) target=".[$kind]" ;;
esac
python=.venv/bin/python
recipe="$here
$(cksum < pyproject.toml)"

die() {
    printf 'stratsim: %s\n' "$@" >&2
    exit 1
}

recent() { # is it Python 3.11 or later, and does it run?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1
}

stamped() { # was .venv made from this recipe, here?
    [ "$(cat ".venv/.stratsim-$1" 2> /dev/null || :)" = "$recipe" ]
}

moved() { # was .venv made for a checkout that stood elsewhere?
    for stamp in .venv/.stratsim-*; do
        [ -f "$stamp" ] && [ "$(sed -n 1p "$stamp")" != "$here" ] && return 0
    done
    return 1
}

find_python() { # sets $base, or says what to install
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.14 python3.13 python3.12 python3.11 python
    fi
    found='' bare=''
    for name in "$@"; do
        if recent "$name"; then
            if "$name" -c 'import ensurepip, venv' > /dev/null 2>&1; then
                # from within a virtual environment: the Python under it
                base=$("$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
                return
            fi
            bare=${bare:-$name}
        elif version=$("$name" -c 'import platform; print(platform.python_version())' 2> /dev/null); then
            found="${found:+$found, }$name is $version"
        fi
    done
    if [ -n "$bare" ]; then
        case ${bare##*/} in
            python3.*) package=${bare##*/}-venv ;;
            *) package=python3-venv ;;
        esac
        die "$bare cannot make virtual environments: its venv or ensurepip module is missing." \
            "On Debian or Ubuntu: apt-get install $package" \
            "Elsewhere: install pip and venv for $bare, or name another: make PYTHON=/path/to/python3 ..."
    fi
    die "Python must be 3.11 or later, but ${found:-none was found}." \
        "On Debian 12 or later, or Ubuntu 24.04 or later: apt-get install python3 python3-venv" \
        "Elsewhere: https://www.python.org/downloads/, then name it: make PYTHON=/path/to/python3 ..."
}

case $here in
    *:*) die "the checkout's path must be free of ':', but got $here. Python's venv refuses it; move or rename the folder." ;;
esac
[ ! -L .venv ] || die ".venv must be a folder of this checkout, but it is a link. Remove it."

if recent "$python" && ! moved; then
    if stamped "$kind" || { [ "$kind" = runtime ] && stamped test; }; then
        exit 0
    fi
fi

if ! recent "$python" || moved || ! "$python" -m pip --version > /dev/null 2>&1; then
    find_python
    echo "Making .venv with $("$base" -c 'import platform, sys; print("Python", platform.python_version(), "from", sys.executable)')."
    "$base" -m venv --clear .venv \
        || die "$base -m venv failed." "On Debian or Ubuntu: apt-get install python3-venv"
fi

rm -f .venv/.stratsim-*
echo "Installing stratsim and its $kind requirements into .venv; this happens once."
"$python" -m pip install --quiet --editable "$target" \
    || die "pip could not install the requirements (see above). It needs a package index: the network, or a mirror set in pip's configuration."
printf '%s\n' "$recipe" > ".venv/.stratsim-$kind"
