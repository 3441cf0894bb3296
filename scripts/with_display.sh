#!/usr/bin/env bash
# Run a command on a screen: the user's own, else a virtual one.
set -eu
if [ "$(uname -s)" != Linux ] || { [ -n "${DISPLAY:-}" ] && [ -z "${CI:-}" ]; }; then
  exec "$@"
fi
command -v xvfb-run >/dev/null || { echo "No display and no xvfb-run: run 'make system' or install xvfb." >&2; exit 1; }
exec xvfb-run -a -s "-screen 0 1600x1200x24 +extension GLX" "$@"
