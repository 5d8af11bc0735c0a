#!/bin/sh
# usage: kill_points_absent.sh NM LIBRARY KILLABLE_LIBRARY
# Only the second library, which only the tests build, contains calls that may end the process.
set -eu
# The number of matching symbols of a library; a library that nm cannot read, or without symbols, fails the test.
count() {
  symbols=$("$1" -C "$2")
  printf '%s\n' "$symbols" | grep -q 'locum::shm::Segment::commit' || { echo "no symbols in $2" >&2; exit 1; }
  printf '%s\n' "$symbols" | awk '/locum::shm::reach\(/ { n++ } END { print n + 0 }'
}
with=$(count "$1" "$3")
without=$(count "$1" "$2")
echo "$with files call reach() in $3, $without in $2"
[ "$with" -gt 0 ] && [ "$without" -eq 0 ]
