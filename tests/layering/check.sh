#!/bin/sh
# usage: check.sh ROOT    Checks the includes and threads (rules: layering.awk) and the names of types (types.awk) of all library folders
# below ROOT.
set -eu
rules=$(cd "$(dirname "$0")" && pwd)
cd "$1"
set --
for room in core shm transport mpi; do
  if [ -d "$room" ]; then set -- "$@" "$room"; fi
done
find "$@" -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' \) -exec awk -f "$rules/layering.awk" {} +
find "$@" -type f -name '*.hpp' -exec awk -f "$rules/types.awk" {} +
