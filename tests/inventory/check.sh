#!/bin/sh
# usage: check.sh SOURCE_DIR BUILD_DIR    No test may be lost unnoticed: each one of tests.txt, the tests before core was
# rebuilt, is still one or listed in gone.txt; each kill point of kill_points.txt is still in shm/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# Of programs whose tests are entries, or parts of an entry, the tests; and all other entries. In a copy: ctest -N would overwrite the
# log of the current run. Other tests make and remove folders beside those that are searched.
mkdir "$work/tree"
(cd "$2" && set -- CTestTestfile.cmake && for folder in tests jobs bench; do [ ! -d $folder ] || set -- "$@" $folder; done &&
  find "$@" -name CTestTestfile.cmake -exec cp --parents {} "$work/tree" \;)
ctest --test-dir "$work/tree" -N | sed -nE 's/^ *Test +#[0-9]+: //p' | sed 's/  # .*//' >"$work/entries"
while read -r entries program; do
  # As CMake names an entry: a parameter that is a number by its value.
  GTEST_FILTER='*' "$program" --gtest_list_tests | sed -E 's,/[0-9]+ +# GetParam\(\) = ([0-9]+)$,/\1,; s/ *#.*//' | awk -v entries="$entries" '
    /^[^ ].*\.$/ { suite = $1 }
    /^  / { print entries "." suite $1 }'
done <"$2/tests/programs.txt" >>"$work/entries"
sort -u "$work/entries" >"$work/now"
if [ "$(wc -l <"$work/now")" -lt 1000 ]; then
  echo "the test programs have $(wc -l <"$work/now") tests only: is everything built?"
  exit 2
fi
comm -23 "$here/tests.txt" "$work/now" >"$work/lost"

failed=0
grep -v '^#' "$here/gone.txt" >"$work/gone" || true
while IFS= read -r line; do
  pattern=${line%% -> *}
  if [ "$pattern" = "$line" ]; then
    echo "gone.txt does not say what became of $pattern"
    failed=1
  fi
  found=
  : >"$work/left"
  while IFS= read -r test; do
    # shellcheck disable=SC2254  # it is a pattern
    case $test in
      $pattern) found=1 ;;
      *) printf '%s\n' "$test" >>"$work/left" ;;
    esac
  done <"$work/lost"
  mv "$work/left" "$work/lost"
  if [ -z "$found" ]; then
    echo "gone.txt names what is no lost test: $pattern"
    failed=1
  fi
done <"$work/gone"
if [ -s "$work/lost" ]; then
  echo 'These tests are gone, and gone.txt does not say why:'
  cat "$work/lost"
  failed=1
fi

grep -rhoE 'LOCUM_KILL_POINT\("[^"]+"\)' "$1/shm" | sed -E 's/LOCUM_KILL_POINT\("(.*)"\)/\1/' | sort >"$work/points"
if comm -23 "$here/kill_points.txt" "$work/points" | grep .; then
  echo 'These kill points are gone.'
  failed=1
fi
[ "$failed" -eq 0 ] && echo "$(wc -l <"$work/now") tests, $(wc -l <"$work/points") kill points: nothing is lost"
exit "$failed"
