#!/bin/sh
# usage: prints.sh FILE COMMAND...    Passes if COMMAND succeeds and prints the lines of FILE, in any order, because ranks print
# concurrently. In lines that begin with a blank, which are tables, any number matches any other, and columns may be wider.
# Open MPI may pass on the text of a line before its end, since a terminal takes the two one after the other: lines of several
# ranks then stand in one, and as many empty ones follow.
expected=$1
shift
work=$(mktemp -d)  # the files that it writes are new each time
trap 'rm -rf "$work"' EXIT
output=$(cd "$work" && "$@")
status=$?
output=$(printf '%s\n' "$output" | tr -d '\r')  # from the terminals that Open MPI gives the ranks
printf '%s\nended with status %d\n' "$output" "$status"
[ "$status" -eq 0 ] || exit 1

printf '%s\n' "$output" | awk -v expected="$expected" '
  # The form of a line without its numbers, for comparison.
  function essence(line) {
    if (line ~ /^ /) {
      gsub(/[0-9][0-9.]*( ([KMGT]i)?B)?/, "#", line)
      gsub(/ +/, " ", line)
    }
    return line
  }
  BEGIN {
    while ((getline line < expected) > 0) {
      wanted[++count] = line
    }
  }
  # Which line of the page, not met before, is this text; 0: none.
  function same(text, i) {
    for (i = 1; i <= count; ++i) {
      if (!(i in met) && essence(text) == essence(wanted[i])) {
        return i
      }
    }
    return 0
  }
  # The longest line of the page, not met before, that begins this text; 0: none.
  function beginning(text, i, best) {
    for (i = 1; i <= count; ++i) {
      if (!(i in met) && wanted[i] != "" && index(text, wanted[i]) == 1 && length(wanted[i]) > length(wanted[best])) {
        best = i
      }
    }
    return best + 0
  }
  {
    for (rest = $0; !(i = same(rest)) && (i = beginning(rest)); ++ends) {
      met[i] = 1
      rest = substr(rest, length(wanted[i]) + 1)
    }
    if (i) {
      met[i] = 1
      next
    }
    if ($0 == "" && ends-- > 0) {
      next
    }
    print "the page does not say: " $0
    wrong = 1
  }
  END {
    for (i = 1; i <= count; ++i) {
      if (!(i in met)) {
        print "the page says: " wanted[i]
        wrong = 1
      }
    }
    exit wrong
  }'
