#!/bin/sh
# usage: left_in_shm.sh names            prints what is in /dev/shm
#        left_in_shm.sh since BEFORE     prints files that appeared there after that list and are abandoned
#
# A file is abandoned if no living process maps it or has it open: other running programs may use /dev/shm as they like. The check
# is repeated for five seconds until there is no such file: a killed process releases its files a little later, and a new file may
# be seen between its opening and its mapping. Files of other users are ignored, because it cannot be seen who has them open. Those that
# the test of this script abandons on purpose, for a moment, count for that test only, which sets LOCUM_TEST_ABANDONS.
set -u

names() {
  find /dev/shm -mindepth 1 ! -type d -uid "$(id -u)" ! -name "${LOCUM_TEST_ABANDONS:+not_}locum_test_abandons_*" 2>/dev/null | sort
}

used() {
  {
    grep -hs /dev/shm/ /proc/[0-9]*/maps | sed 's,^.* /dev/shm/,/dev/shm/,'
    find /proc/[0-9]*/fd -lname '/dev/shm/*' -printf '%l\n' 2>/dev/null
  } | sort -u
}

# The lines of $1 that are not in $2.
without() {
  printf '%s\n' "$1" | while IFS= read -r line; do
    printf '%s\n' "$2" | grep -Fxq -e "$line" || printf '%s\n' "$line"
  done
}

left() {
  fresh=$(without "$(names)" "$1")
  [ -n "$fresh" ] || return 0
  without "$fresh" "$(used)" | while IFS= read -r file; do
    [ ! -e "$file" ] || printf '%s\n' "$file"
  done
}

case ${1:-} in
  names) names ;;
  since)
    for look in $(seq 50); do
      found=$(left "$2")
      [ -n "$found" ] || exit 0
      [ "$look" = 50 ] || sleep 0.1
    done
    printf '%s\n' "$found"
    ;;
  *)
    sed -n 's/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
