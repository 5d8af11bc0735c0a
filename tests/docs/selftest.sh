#!/bin/sh
# usage: selftest.sh ROOT FOLDER    Changes one thing at a time in a copy of the documents and headers below FOLDER, and tests
# whether the checks of this folder detect it: a check that never fails would be useless.
set -eu
checks=$(cd "$(dirname "$0")" && pwd)
root=$1
tree=$2
failed=0
if [ -n "$(ls -A "$tree" 2>/dev/null)" ] && [ ! -e "$tree/planted" ]; then
  printf '%s is not empty: name a folder that may be deleted\n' "$tree" >&2
  exit 2
fi

refused() {  # refused CHECK FILE SED-SCRIPT WHAT-IS-SAID: of a copy in which FILE was edited so
  cp "$root/$2" "$tree/$2"
  sed -i "$3" "$tree/$2"
  if cmp -s "$root/$2" "$tree/$2"; then
    printf 'nothing to spoil: %s in %s\n' "$3" "$2"
    failed=$((failed + 1))
  elif output=$(sh "$checks/$1" "$tree") || ! printf '%s\n' "$output" | grep -qF -- "$4"; then
    printf 'not seen by %s: %s in %s\n%s\n' "$1" "$3" "$2" "$output"
    failed=$((failed + 1))
  fi
  cp "$root/$2" "$tree/$2"
}

rm -rf "$tree"
mkdir -p "$tree"
: >"$tree/planted"
list=$(mktemp)
trap 'rm "$list"' EXIT
(cd "$root" && find . \( -path './build*' -o -path ./out -o -path ./.git \) -prune -o -print) >"$list"
# Files that no check reads are replaced by empty ones.
sed 's|/[^/]*$||' "$list" | sort -u | (cd "$tree" && xargs mkdir -p)
(cd "$tree" && xargs -n 500 sh -c 'for path; do [ -e "$path" ] || : >"$path"; done' _) <"$list"
for path in README.md CONTRIBUTING.md CHANGELOG.md docs core jobs mpi tests transport/storage; do
  mkdir -p "$(dirname "$tree/$path")"
  cp -R "$root/$path" "$(dirname "$tree/$path")/"
done

refused links.sh README.md 's|(docs/async.md)|(docs/asinc.md)|' 'README.md: there is no docs/asinc.md'
refused links.sh docs/failure.md 's|(#between-nodes)|(#between-modes)|' 'docs/failure.md: docs/failure.md has no heading #between-modes'
refused links.sh docs/between_nodes.md 's|(decisions/0015-|(0015-|' 'docs/between_nodes.md: there is no 0015-'
refused links.sh docs/consistency.md '1a [a link over\nthe end of a line](../core/nowhere.hpp)' 'docs/consistency.md: there is no ../core/nowhere.hpp'

refused errors.sh docs/errors.md '/^| `info` /d' 'lacks the call Store info'
refused errors.sh docs/errors.md '/^| `get` /d' 'lacks the call Store get'
refused errors.sh docs/errors.md 's/^| `keys`, /| `names`, /' 'there is no call Store names'
refused errors.sh docs/errors.md '/^| `stale` /d' 'lacks the code stale'
refused errors.sh docs/errors.md '/^17\. What was put/d' 'a table names note 17, which is not there'
refused errors.sh docs/errors.md 's/^| `keys`, `size` | |/| `keys`, `size` |/' 'in a table of 11'
refused errors.sh docs/errors.md 's/`StoreErrors.OfALiveName`/`StoreErrors.OfADeadName`/' 'there is no test StoreErrors.OfADeadName'
refused errors.sh core/value/error.hpp 's/^  broken_promise, /  broken_promise,\n  burnt, /' 'lacks the code burnt'
refused errors.sh core/store.hpp 's/^  Evicted evict(/  Evicted expel();\n  Evicted evict(/' 'lacks the call Store expel'

refused coupling.sh docs/guide/couple_with_python.md '/^  call out%close()/d' 'in Fortran: 11 lines are for locum, and not 12 to 12'
refused coupling.sh jobs/heat/simulation.f90 's/^  call out%close()/  call out%close()\n&/' 'jobs/heat/simulation.f90: 13 lines are for locum'
refused coupling.sh jobs/wave/analysis.py 's/^        energy = /        T = step["T"]\n        U = step["U"]\n&/' 'jobs/wave/analysis.py: 7 lines are for locum'
refused coupling.sh jobs/melt/simulation.cpp 's/^    step.put("id"/    step.put("number"/' 'step.put("id", lammps.ids());'
refused texts.sh core/steps/step_output.cpp 's/end or discard it before/end() it before/' 'this text has syntax of C++'
refused texts.sh core/session.cpp 's/where the session, or a/to Runtime::store, or a/' 'this text has syntax of C++'
refused texts.sh core/detail/session_state.cpp 's/(the option codec)/{.codec = …}/' 'this text has syntax of C++'

refused variables.sh docs/guide/running.md '/^| `LOCUM_LOG` /d' 'LOCUM_LOG: docs/guide/running.md has no row for it'
refused variables.sh docs/guide/running.md 's/^| `LOCUM_LOG` /| `LOCUM_LOGS` /' 'LOCUM_LOGS: docs/guide/running.md has a row for it'
refused variables.sh docs/guide/running.md 's/LOCUM_TRANSPORT=mpi/LOCUM_NETWORK=mpi/' 'LOCUM_NETWORK: docs/guide/running.md names it'
refused variables.sh docs/guide/running.md '/^| `LOCUM_LOG` /p' 'LOCUM_LOG: docs/guide/running.md has two rows for it'
refused variables.sh core/value/options.cpp 's/"LOCUM_PREFETCH_BYTES"/"LOCUM_AHEAD_BYTES"/' 'LOCUM_AHEAD_BYTES: docs/guide/running.md has no row for it'
refused variables.sh core/value/options.hpp 's|// LOCUM_LOG:|// LOCUM_SAYS:|' 'LOCUM_LOG: core/value/options.hpp does not name it'

refused backends.sh docs/backends/redis.md 's/^| `redis:\(.*\) | hosts |/| `redis:\1 | this host |/' 'docs/backends/redis.md: the row of redis: is another one'
refused backends.sh docs/backends.md 's/^| `pack:\(.*\) | stable |/| `pack:\1 | preview |/' 'docs/backends/pack.md: the row of pack: is another one'
refused backends.sh docs/backends/memory.md '/^| `null:` | stable/d' 'no page has the row of null:'
refused backends.sh docs/backends.md '/^| `hdf5:.*| preview |/d' 'its table has no row of hdf5:'
refused backends.sh docs/backends/file.md 's/^| `file:.*/&\n&/' 'has the row of file:, too'
refused backends.sh docs/backends/multi.md 's/^| URL |/| address |/' 'docs/backends/multi.md: the first line of its facts'
refused backends.sh docs/backends/nodes.md '/^## Performance$/d' 'docs/backends/nodes.md: has the sections'
refused backends.sh docs/backends/rocksdb.md 's/^```cpp$/```/' 'docs/backends/rocksdb.md: its example has no code'
refused backends.sh docs/backends/file.md '/^| `plain=1` |/d' 'docs/backends/file.md: lacks the option plain'
refused backends.sh docs/backends/common.md 's/`server_name=NAME`/`server=NAME`/' 'docs/backends/common.md: has the option server, which no source reads'
refused backends.sh docs/backends/wrappers.md 's/^| `cache` | `bytes` (64 MiB), /| `cache` | /' 'docs/backends/wrappers.md: lacks the option cache.bytes'
refused backends.sh transport/storage/pack/backend.cpp 's/"repair", /"repair", "quiet", /' 'docs/backends/pack.md: lacks the option quiet'
refused backends.sh transport/storage/rocksdb/traits.hpp 's/"rocksdb"/"stonedb"/' 'its table has no row of stonedb:'
refused backends.sh docs/backends.md 's|(backends/hdf5.md)|(guide/hdf5.md)|g' 'has no link to backends/hdf5.md'

[ "$failed" -eq 0 ] && echo 'all that was spoiled was seen'
exit "$failed"
