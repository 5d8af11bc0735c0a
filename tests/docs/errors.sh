#!/bin/sh
# usage: errors.sh ROOT    docs/errors.md has every code and every public call of the classes that return them, and names tests that exist.
set -eu
rules=$(cd "$(dirname "$0")" && pwd)/errors.awk
cd "$1"

# calls CLASS HEADER: its public functions by name, except constructors and operators. Declarations are indented by two columns.
calls() {
  awk -v class="$1" '
    $0 ~ "^class " class "( |$)" { inside = 1 }
    inside && /^ (private|protected):/ { inside = 0 }
    /^};/ { inside = 0 }
    inside && /^  [^ \/#}]/ && !/operator|= delete|friend|using |^  (explicit )?[A-Z~][A-Za-z]*\(/ {
      if (match($0, /[ &*][a-z_]+\(/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        print "call " class " " name
      }
    }' "$2"
}

{
  sed -nE '/^enum class Errc/,/^};/ s/^  ([a-z_]+)( = [0-9]+)?,.*/code \1/p' core/value/error.hpp
  calls Store core/store.hpp
  calls Writer core/writer.hpp
  calls OpenWriter core/writer.hpp | sed 's/OpenWriter/Writer/'  # its base
  calls Promise core/promise.hpp
  calls Proxy core/proxy.hpp
  calls StepWriter core/step_writer.hpp
  calls OutputStep core/step_writer.hpp
  calls StepReader core/step_reader.hpp
  calls InputStep core/step_reader.hpp
  calls TaskQueue core/task_queue.hpp
  calls TakenTask core/task_queue.hpp
  calls AsyncResult core/async_result.hpp
  calls Files transport/storage/files/files.hpp
  calls ZarrArray transport/storage/zarr/zarr.hpp
  calls ZarrGroup transport/storage/zarr/zarr_group.hpp
  calls ExperimentField transport/storage/experiments/experiment.hpp
  calls Experiment transport/storage/experiments/experiment.hpp
  calls Experiments transport/storage/experiments/experiments.hpp
  calls RecordIO transport/storage/experiments/record_io.hpp
  calls Shards transport/storage/shards/shards.hpp
  calls ShardStore transport/storage/shards/shards.hpp
  calls Shard transport/storage/shards/shards.hpp
  calls EpochReader transport/storage/shards/epochs.hpp
  calls Pipeline core/pipeline.hpp
  calls Runtime mpi/runtime/runtime.hpp
  find tests -name '*_test.cpp' -o -name '*_contract.hpp' | xargs sed -nE 's/^(TYPED_)?TEST(_[A-Z]+)?\(([A-Za-z0-9]+), ([A-Za-z0-9]+)\).*/test \3.\4/p'
} | awk -f "$rules" - docs/errors.md
