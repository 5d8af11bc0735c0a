#!/bin/sh
# usage: private_map.sh NM SCRIPT VERSION OUTPUT [OBJECT]
# Writes the version script of a library: SCRIPT and, for the library that consists of OBJECT, the names of the namespace locum_c that
# it needs. They are for that library alone, and of this version: one of another version does not start with it.
set -eu
nm=$1 script=$2 version=$3 output=$4
shift 4
{
  cat "$script"
  if [ $# -gt 0 ]; then
    echo "LOCUM_PRIVATE_$version {"
    echo '  global:'
    "$nm" -u "$1" | awk '$NF ~ /7locum_c/ { print "    " $NF ";" }' | sort -u
    echo '};'
  fi
} > "$output"
