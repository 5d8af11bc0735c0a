#!/bin/sh
# usage: apply.sh ROOT    Each mutation still applies to the sources. Whether its tests catch it, tests/mutations/run shows.
set -eu
cd "$1"
failed=0
count=0
for mutation in tests/mutations/*.patch; do
  count=$((count + 1))
  if ! git apply --check "$mutation"; then
    echo "$mutation does not apply any more: make the same change in the code as it is now, and keep its header"
    failed=1
  fi
done
[ "$failed" -eq 0 ] && echo "$count mutations apply"
exit "$failed"
