#!/bin/bash
# usage: tests/fuzz/run.sh [h5]    Builds the fuzzers in build/fuzz, and runs each with its corpus, and with what it has found before, for
# LOCUM_FUZZ_SECONDS; by default as long as .ci/run has time for it. What makes a fuzzer fail is the file build/fuzz/found-CORPUS-*: the
# fuzzer plays it again when it gets it as its only argument; that of formats needs the name of the format, LOCUM_FUZZ_FORMAT=npy.
# h5: only the format .h5, which is no part of the others: HDF5 1.10 ends the process on files that are damaged, or never returns, so that
# most of what is found there is not to be mended here. It goes on after each; what AddressSanitizer says of the file names the function.
set -u
cd "$(dirname "$0")/../.."

fuzz() {  # fuzz NAME CORPUS SECONDS MOST_BYTES [OPTION...]
  mkdir -p "build/fuzz/$2" build/fuzz/scratch &&
    TMPDIR=build/fuzz/scratch "build/fuzz/tests/fuzz/$1_fuzzer" -max_total_time="${LOCUM_FUZZ_SECONDS:-$3}" -max_len="$4" -verbosity=0 \
      -print_final_stats=1 -artifact_prefix="build/fuzz/found-${2//\//-}-" "${@:5}" "build/fuzz/$2" "tests/fuzz/$2"
}

fuzz_formats() {
  local folder
  for folder in tests/fuzz/format_corpus/*; do
    LOCUM_FUZZ_FORMAT=$(basename "$folder") fuzz format "format_corpus/$(basename "$folder")" 2 20000 || return
  done
}

fuzz_h5() {  # that HDF5 asks for more memory than there is, or forgets some, is not looked for
  ASAN_OPTIONS=allocator_may_return_null=1 LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0 LOCUM_FUZZ_FORMAT=h5 \
    fuzz format h5_corpus 60 20000 -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -timeout=10 -malloc_limit_mb=100000
}

if [ "${1:-}" = h5 ]; then
  cmake --preset fuzz -DLOCUM_WITH_ROCKSDB=OFF && cmake --build --preset fuzz --parallel 2 --target format_fuzzer && fuzz_h5
  exit
fi
cmake --preset fuzz -DLOCUM_WITH_ROCKSDB=OFF -DLOCUM_WITH_TOML=ON &&
  cmake --build --preset fuzz --parallel 2 --target wire_fuzzer file_fuzzer configuration_fuzzer backend_fuzzer json_fuzzer format_fuzzer &&
  fuzz wire corpus 10 8000 &&
  fuzz file file_corpus 8 400 &&
  fuzz configuration toml_corpus 3 2000 &&
  fuzz backend backend_corpus 5 1000 &&
  fuzz json json_corpus 5 2000 &&
  fuzz_formats &&
  echo 'passed: no fuzzer found anything'
