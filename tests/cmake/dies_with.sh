#!/bin/sh
# usage: dies_with.sh REGEX... -- COMMAND...    Passes if COMMAND ends with an error and some line it printed matches each REGEX.
patterns=''
while [ "$1" != -- ]; do
  patterns="$patterns$1
"
  shift
done
shift

output=$("$@" 2>&1)
status=$?
printf '%s\nended with status %d\n' "$output" "$status"
if [ "$status" -eq 0 ]; then
  echo 'which is no error'
  exit 1
fi
printf '%s' "$patterns" | while IFS= read -r pattern; do
  if ! printf '%s\n' "$output" | grep -Eq -e "$pattern"; then
    printf 'did not print: %s\n' "$pattern"
    exit 1
  fi
done
