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

# options PAGE FILE: those that a URL may have, as the file names them.
options() {
  tr '\n' ' ' <"$2" | grep -oE '(knows_only\(|options|name :) ?\{[^}]*\}' | grep -oE '"[a-z_]+"' | tr -d '"' | sed "s|^|option $1 |"
}

{
  grep -E '\.scheme = |= detail::under_scheme\(' "$sources/backends.hpp" | sed -nE 's/.*"([a-z0-9]+)".*/scheme \1/p'
  options common "$sources/servers/security.cpp"
  options file "$sources/file/root.cpp"
  options hdf5 "$sources/hdf5/backend.cpp"
  options memcached "$sources/memcached/backend.cpp"
  options memory "$sources/backends.cpp"
  options multi "$sources/multi.cpp"
  options nodes mpi/runtime_tiers.cpp
  options pack "$sources/pack/backend.cpp"
  options redis "$sources/redis/backend.cpp"
  options rocksdb "$sources/rocksdb.cpp"
  # {"cache", {"bytes", "ms"}, wrap_cache},
  sed -nE 's/^ *\{"([a-z0-9]+)", \{(.*)\}, wrap_.*/\1 \2/p' "$sources/wrappers/known_wrappers.cpp" | tr -d '",' |
    awk '{ print "option wrappers " $1; for (i = 2; i <= NF; i++) print "option wrappers " $1 "." $i }'
} | awk -f "$rules" - "$table" docs/backends/*.md
