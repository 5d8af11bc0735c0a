#!/bin/sh
# usage: demo_runs.sh FRAMES COMMAND...    Runs the demo with a temporary output folder. Passes if it succeeds, reports that
# analysis and simulation agree on the masses, and has written FRAMES pictures and a timeline, all PNG.
frames=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'demo_runs.sh: %s\n' "$1"
  exit 1
}

GRAY_SCOTT_PROGRESS=lines "$@" --output "$folder/made/by the demo" >"$folder/log" 2>&1
status=$?
cat "$folder/log"
[ "$status" -eq 0 ] || fail "ended with status $status"
grep -q 'the same to round-off' "$folder/log" || fail 'did not say that the masses agree'
[ "$(grep -c '^frame ' "$folder/log")" -eq "$frames" ] || fail "did not report $frames frames"

cd "$folder/made/by the demo" || fail 'made no folder'
[ "$(ls)" = "$(echo timeline.png; seq -f 'v_%04g.png' 0 $((frames - 1)))" ] || fail "left something else: $(ls)"
for picture in *.png; do
  [ "$(head -c 8 "$picture" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$picture is no PNG"
done
