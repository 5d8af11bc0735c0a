#!/bin/sh
# usage: variables.sh ROOT    The table of docs/guide/running.md has every variable that core/value/options.cpp reads, once, and no other;
# core/value/options.hpp names the same beside its fields, and the rest of the page names none that is not there.
set -eu
cd "$1"
page=docs/guide/running.md
failed=0

read_by_library=$(sed -n '/^Result<RuntimeOptions> with_environment/,/^}/p' core/value/options.cpp | grep -oE '"LOCUM_[A-Z_]+"' | tr -d '"' | sort -u)
at_fields=$(grep -oE '// LOCUM_[A-Z_]+' core/value/options.hpp | sed 's|// ||' | sort)
in_table=$(sed -nE 's/^\| `(LOCUM_[A-Z_]+)` \|.*/\1/p' "$page" | sort)
in_page=$(grep -oE '(-D)?LOCUM_[A-Z_]*[A-Z]' "$page" | grep -v '^-D' | sort -u)

differ() {  # differ THESE THOSE WHAT-IS-WRONG: prints each of THESE that is not among THOSE
  for name in $1; do
    if ! printf '%s\n' "$2" | grep -qx "$name"; then
      printf '%s: %s\n' "$name" "$3"
      failed=1
    fi
  done
}

differ "$read_by_library" "$in_table" "$page has no row for it"
differ "$in_table" "$read_by_library" "$page has a row for it, and core/value/options.cpp does not read it"
differ "$in_page" "$read_by_library" "$page names it, and core/value/options.cpp does not read it"
differ "$read_by_library" "$at_fields" 'core/value/options.hpp does not name it beside a field'
differ "$at_fields" "$read_by_library" 'core/value/options.hpp names it, and core/value/options.cpp does not read it'
for name in $(printf '%s\n' "$in_table" | uniq -d); do
  printf '%s: %s has two rows for it\n' "$name" "$page"
  failed=1
done
count=$(printf '%s\n' "$read_by_library" | grep -c .) || true
if [ "$count" -lt 10 ]; then
  echo 'few variables were found: is this core/value/options.cpp?'
  failed=1
fi
[ "$failed" -eq 0 ] && printf '%s variables are in the table\n' "$count"
exit "$failed"
