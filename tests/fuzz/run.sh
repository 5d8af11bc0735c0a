#!/bin/bash
# usage: tests/fuzz/run.sh    Builds the fuzzers in build/fuzz, and runs each with its corpus, and with what it has found before, for
# LOCUM_FUZZ_SECONDS; by default as long as .ci/run has time for it. What makes a fuzzer fail is the file build/fuzz/found-NAME-*: the
# fuzzer plays it again when it gets it as its only argument.
set -u
cd "$(dirname "$0")/../.."

fuzz() {  # fuzz NAME CORPUS SECONDS MOST_BYTES
  mkdir -p "build/fuzz/$2" build/fuzz/scratch &&
    TMPDIR=build/fuzz/scratch "build/fuzz/tests/fuzz/$1_fuzzer" -max_total_time="${LOCUM_FUZZ_SECONDS:-$3}" -max_len="$4" -verbosity=0 \
      -print_final_stats=1 -artifact_prefix="build/fuzz/found-$1-" "build/fuzz/$2" "tests/fuzz/$2"
}

cmake --preset fuzz -DLOCUM_WITH_ROCKSDB=OFF -DLOCUM_WITH_TOML=ON &&
  cmake --build --preset fuzz --parallel 2 --target wire_fuzzer file_fuzzer configuration_fuzzer backend_fuzzer &&
  fuzz wire corpus 10 8000 &&
  fuzz file file_corpus 8 400 &&
  fuzz configuration toml_corpus 3 2000 &&
  fuzz backend backend_corpus 5 1000 &&
  echo 'passed: no fuzzer found anything'
