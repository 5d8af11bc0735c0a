#!/bin/sh
# usage: backends.sh ROOT [write]    The pages of docs/backends have the rows of the one table in docs/backends.md, all the same sections, and
# the options that the sources read; docs/backends.md leads to each of them. write: puts the rows of the table into the pages first.
set -eu
rules=$(cd "$(dirname "$0")" && pwd)/backends.awk
cd "$1"
table=docs/backends.md
sources=transport/storage

if [ "${2:-}" = write ]; then
  for page in docs/backends/*.md; do
    awk '
      function scheme(row) { sub(/^\| `/, "", row); sub(/:.*/, "", row); return row }
      FNR == NR && /^\| URL \|/ { head[1] = $0; getline; head[2] = $0 }
      FNR == NR { if (/^\| `[a-z0-9]+:.*` \| (stable|preview) \|/) row[scheme($0)] = $0; next }
      /^## / { is_facts = /^## Facts$/; line = 0 }
      is_facts && /^\|/ { if (++line < 3) $0 = head[line]; else if (scheme($0) in row) $0 = row[scheme($0)] }
      { print }' "$table" "$page" >"$page.new"
    if cmp -s "$page" "$page.new"; then rm "$page.new"; else mv "$page.new" "$page"; fi
  done
fi

# What a page of a backend has to name, from where the sources say it: from=PAGE stands in front of its source. A folder of a backend
# has the name of its page.
set --
for manifest in $sources/*/backend.cmake; do
  folder=${manifest%/backend.cmake}
  set -- "$@" "from=${folder##*/}" "$folder"/*.cpp
done
awk -f "$rules" from=traits $sources/*/traits.hpp from=common $sources/servers/security.cpp from=nodes mpi/runtime/tiers.cpp \
  from=wrappers $sources/wrappers/known_wrappers.cpp "$@" from= "$table" docs/backends/*.md
