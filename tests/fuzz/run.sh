#!/bin/bash
# usage: tests/fuzz/run.sh    Builds the fuzzers in build/fuzz, and runs each with its corpus, and with what it has found before, for
# LOCUM_FUZZ_SECONDS; by default as long as .ci/run has time for it. What makes a fuzzer fail is the file build/fuzz/found-CORPUS-*: the
# fuzzer plays it again when it gets it as its only argument; that of formats needs the name of the format, LOCUM_FUZZ_FORMAT=npy.
set -u
cd "$(dirname "$0")/../.."

fuzz() {  # fuzz NAME CORPUS SECONDS MOST_BYTES
  mkdir -p "build/fuzz/$2" build/fuzz/scratch &&
    TMPDIR=build/fuzz/scratch "build/fuzz/tests/fuzz/$1_fuzzer" -max_total_time="${LOCUM_FUZZ_SECONDS:-$3}" -max_len="$4" -verbosity=0 \
      -print_final_stats=1 -artifact_prefix="build/fuzz/found-${2//\//-}-" "build/fuzz/$2" "tests/fuzz/$2"
}

fuzz_formats() {
  local folder
  for folder in tests/fuzz/format_corpus/*; do
    LOCUM_FUZZ_FORMAT=$(basename "$folder") fuzz format "format_corpus/$(basename "$folder")" 2 20000 || return
  done
}

cmake --preset fuzz -DLOCUM_WITH_ROCKSDB=OFF -DLOCUM_WITH_TOML=ON &&
  cmake --build --preset fuzz --parallel 2 --target wire_fuzzer file_fuzzer configuration_fuzzer backend_fuzzer format_fuzzer &&
  fuzz wire corpus 10 8000 &&
  fuzz file file_corpus 8 400 &&
  fuzz configuration toml_corpus 3 2000 &&
  fuzz backend backend_corpus 5 1000 &&
  fuzz_formats &&
  echo 'passed: no fuzzer found anything'
