#!/bin/sh
# usage: kill_points_absent.sh NM LIBRARY KILLABLE_LIBRARY
# Only the second library, which the tests build for themselves, calls what lets a process die.
set -eu
calls() { "$1" -C "$2" | grep -c 'locum::shm::reach(' || true; }
with=$(calls "$1" "$3")
without=$(calls "$1" "$2")
echo "$with files call reach() in $3, $without in $2"
[ "$with" -gt 0 ] && [ "$without" -eq 0 ]
