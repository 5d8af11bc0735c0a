#!/bin/sh
# usage: texts.sh ROOT    What the library says is read in C, Fortran and Python, too: no text in a source of it has syntax of C++, that is a
# call such as `close()`, a name such as `Runtime::store`, or an option such as `{.codec = …}`. Headers are left out: the texts of their
# templates are for C++ alone.
set -eu
cd "$1"
find core mpi shm transport -name '*.cpp' ! -path '*/python/*' ! -path '*/fortran/*' ! -path '*/testing/*' | sort | xargs awk '
  # Texts for C++ alone: codecs of a program, members of its classes that the library calls; names of types.
  FILENAME ~ /^core\/(codec|detail\/decoded_cache|object\/current_type_name)\.cpp$/ { next }
  {
    line = $0
    sub(/^ *\/\/.*/, "", line)
    while (match(line, /"([^"\\]|\\.)*"/)) {
      text = substr(line, RSTART + 1, RLENGTH - 2)
      line = substr(line, RSTART + RLENGTH)
      if (text ~ /[A-Za-z_]\(\)|[A-Za-z]::[A-Za-z]|\{\.[a-z]/ && text !~ /^locum::[a-z_]+$/ && text !~ /\.data\(\)/) {
        printf "%s:%d: this text has syntax of C++; name the call or the option in words: %s\n", FILENAME, FNR, text
        ++found
      }
    }
  }
  END { exit found > 0 }'
