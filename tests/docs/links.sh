#!/bin/sh
# usage: links.sh ROOT    Every relative link of the documents below ROOT, and each #heading in it, is there.
set -eu
rules=$(cd "$(dirname "$0")" && pwd)/links.awk
cd "$1"
set --
for place in README.md CONTRIBUTING.md CHANGELOG.md docs tests jobs bench; do
  if [ -e "$place" ]; then set -- "$@" "$place"; fi
done
set -- $(find "$@" -name '*.md')
find . \( -path './build*' -o -path ./out -o -path ./.git \) -prune -o -print | awk -f "$rules" - "$@"
