#!/bin/sh
# usage: kill_points_absent.sh NM LIBRARY KILLABLE_LIBRARY
# Only the second library, which the tests build for themselves, calls what lets a process die.
set -eu
# How many symbols of a library match; a library that nm cannot read, or without symbols, ends the test.
count() {
  symbols=$("$1" -C "$2")
  printf '%s\n' "$symbols" | grep -q 'locum::shm::Segment::commit' || { echo "no symbols in $2" >&2; exit 1; }
  printf '%s\n' "$symbols" | awk '/locum::shm::reach\(/ { n++ } END { print n + 0 }'
}
with=$(count "$1" "$3")
without=$(count "$1" "$2")
echo "$with files call reach() in $3, $without in $2"
[ "$with" -gt 0 ] && [ "$without" -eq 0 ]
