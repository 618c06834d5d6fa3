#!/bin/sh
# Run a command so that it leaves nothing outside the checkout:
#   sh tools/inside.sh .venv/bin/stratsim scenarios
set -eu
unset CDPATH
cd "$(dirname -- "$0")/.."
. tools/env.sh
export HOME="$cache/home"
mkdir -p "$HOME"
export XDG_CACHE_HOME="$cache/xdg/cache" XDG_CONFIG_HOME="$cache/xdg/config"
export XDG_DATA_HOME="$cache/xdg/data" XDG_STATE_HOME="$cache/xdg/state"
unset XDG_RUNTIME_DIR
export MPLCONFIGDIR="$cache/matplotlib" MPLBACKEND="${MPLBACKEND:-Agg}"
export HYPOTHESIS_STORAGE_DIRECTORY="$cache/hypothesis"
export IPYTHONDIR="$cache/ipython" JUPYTER_PLATFORM_DIRS=1
export JUPYTER_CONFIG_DIR="$cache/jupyter/config" JUPYTER_DATA_DIR="$cache/jupyter/data"
export JUPYTER_RUNTIME_DIR="$cache/jupyter/runtime"
unset JUPYTER_PATH JUPYTER_CONFIG_PATH
export PATH="$here/.venv/bin:$PATH"
exec "$@"
