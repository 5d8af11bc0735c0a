#!/bin/sh
# usage: demo_nodes.sh RANKS_PER_NODE COMMAND...    Runs the demo on one node, and with the machine split into nodes of that
# many ranks: statistics and pictures must be the same to the last bit, and the second run must report bytes from other nodes.
per_node=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'demo_nodes.sh: %s\n' "$1"
  exit 1
}

for split in 0 "$per_node"; do
  GRAY_SCOTT_PROGRESS=lines LOCUM_RANKS_PER_NODE=$split "$@" --output "$folder/$split" >"$folder/log.$split" 2>&1 ||
    { cat "$folder/log.$split"; fail "nodes of $split ranks: ended with status $?"; }
  grep '^frame ' "$folder/log.$split" >"$folder/frames.$split"
  [ -s "$folder/frames.$split" ] || fail "nodes of $split ranks: said nothing of its frames"
done
cat "$folder/log.$per_node"
cmp "$folder/frames.0" "$folder/frames.$per_node" || fail 'the statistics differ'
for picture in "$folder/0"/v_*.png; do
  cmp "$picture" "$folder/$per_node/${picture##*/}" || fail "the pictures differ"
done
if grep -Eq '^ *get (rendezvous|inline)' "$folder/log.0"; then
  fail 'one node got bytes from others'
fi
grep -Eq '^ *get (rendezvous|inline)' "$folder/log.$per_node" || fail 'no bytes came from another node'
