#!/bin/sh
# usage: check.sh ROOT    Checks the includes of all library folders below ROOT (rules: layering.awk).
set -eu
rules=$(cd "$(dirname "$0")" && pwd)/layering.awk
cd "$1"
set --
for room in core shm transport mpi; do
  if [ -d "$room" ]; then set -- "$@" "$room"; fi
done
find "$@" -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' \) -exec awk -f "$rules" {} +
