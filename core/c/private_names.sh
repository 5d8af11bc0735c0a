#!/bin/sh
# usage: private_names.sh CXX NM OBJCOPY OUTPUT OBJECT...
# Makes one object of several, in which the namespace `locum` is `locum_c`. A program, or a plugin of one, that has the C++ library
# as well then shares no symbol with a library of these objects, whichever is loaded first.
set -eu
cxx=$1 nm=$2 objcopy=$3 output=$4
shift 4
"$cxx" -r -nostdlib -o "$output.all" "$@"
"$nm" "$output.all" | awk '
  $NF ~ /(^|[^0-9])5locum/ && !($NF in seen) {
    seen[$NF]
    name = $NF
    while (match(name, /(^|[^0-9])5locum/)) {
      name = substr(name, 1, RSTART + RLENGTH - 7) "7locum_c" substr(name, RSTART + RLENGTH)
    }
    print $NF, name
  }' > "$output.names"
"$objcopy" --redefine-syms="$output.names" "$output.all" "$output"
rm "$output.all" "$output.names"
