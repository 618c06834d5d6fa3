# Sourced by the scripts beside it, from the checkout's root: whatever is run
# from here writes inside the checkout only (.venv and .cache, both ignored).
here=$(pwd -P)
cache=$here/.cache
mkdir -p "$cache/tmp"
export TMPDIR="$cache/tmp"
export PYTHONNOUSERSITE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0
export RUSTUP_HOME="$cache/rustup" # pip asks rustc for its version, and rustup then writes its settings
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_ROOT VIRTUAL_ENV
