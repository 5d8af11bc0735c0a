#!/bin/sh
# usage: kill_points.sh SOURCE_DIR    Each kill point of kill_points.txt is in shm/: the tests that kill ranks at every point do not notice
# one that was removed.
set -eu
LC_ALL=C
export LC_ALL
known=$(dirname "$0")/kill_points.txt
points=$(grep -rhoE 'LOCUM_KILL_POINT\("[^"]+"\)' "$1/shm" | sed -E 's/LOCUM_KILL_POINT\("(.*)"\)/\1/' | sort)
if echo "$points" | comm -23 "$known" - | grep .; then
  echo "These kill points are not in shm/ any more. If that is meant, remove them from $known."
  exit 1
fi
echo "$(wc -l <"$known") kill points are there"
