#!/bin/sh
# usage: unreleased.sh PROGRAM    What a program in C has not released is named at its end, once.
set -eu
said=$("$1" 2>&1)
[ "$said" = 'locum: at its end the program has not released: 2 stores, 1 view, 2 futures; release what is no longer used' ] || {
  printf 'FAILED: the program says: %s\n' "$said"
  exit 1
}
for nothing in collected none; do
  said=$("$1" "$nothing" 2>&1)
  [ -z "$said" ] || {
    printf 'FAILED: %s: the program says: %s\n' "$nothing" "$said"
    exit 1
  }
done
