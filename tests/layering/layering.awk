# Checks every #include of the files named on the command line (paths relative to the repository root) against these rules:
#
#   folder      may include          and, of third-party headers
#   core        core                 none; c/locum_types.h those of C, fortran/ the descriptors of Fortran, testing/ GoogleTest, json.hpp nlohmann's JSON, dlpack.hpp that of DLPack, base/background_thread.cpp and base/fork_mark.cpp POSIX threads, base/descriptor.cpp close(), base/wake_timer.cpp timers of Linux
#   shm         core shm             Boost.Interprocess, POSIX
#   transport   core transport       by folder: ucx/ UCX; storage/ HDF5, POSIX, a folder there what its backend.cmake calls HEADER and others of its folder, storage/wrappers/ zstd, lz4, libsodium, storage/servers/tls OpenSSL, storage/configuration toml++, storage/zip zlib, storage/formats/tiff libtiff, storage/codecs/ zlib, zstd, lz4, c-blosc, storage/experiments/sqlite_table SQLite
#   mpi         core mpi             MPI
#   mpi/runtime every room        MPI: it puts the rooms together
#
# Inside a room a folder includes itself and those before it in this list; folders joined by "and" may include each other:
#
#   core        value and base, object, ports, node, rpc, async, backend, tier, copies, server, client, detail and lazy and pipeline and steps and tasks and core/ itself, c, python and fortran
#   shm         segment, death, arena, table and names, spill, shm/ itself
#   mpi         mpi/ itself, transport, checkpoint, runtime, c, python and fortran
#
# core/python/ includes itself and <locum/locum.h>, the C interface, alone: a module that had more of the library in it would be a second copy.
#
# Nobody includes core/testing/, which is for tests and needs GoogleTest, nor core/json.hpp and core/dlpack.hpp, which are for programs that have nlohmann's JSON, and DLPack.
#
# All may include the C++ standard library.
#
# Threads are started by core/base/background_thread.cpp alone, and in core/testing/: every other mention of std::thread (but std::thread::id
# and the like), std::jthread, std::async or pthread_create outside of a comment is refused.
#
# Threads of core, shm and mpi wait for what they wait for, and do not look at intervals: sleep_for, sleep_until, usleep and nanosleep are refused,
# but in core/testing/, and in two files where nobody could wake the thread: core/tier/name_claims.cpp (a claim in a backend, given back by
# another job) and mpi/checkpoint/background.cpp (a full node, before the few bytes that tell of a checkpoint are put again). Transports wait for other programs.
# Prints file:line: text, and the reason. Exit status 1 if there is a violation, 2 if there was nothing to check.

BEGIN {
  split("core shm transport mpi", names, " ")
  for (i in names) is_room[names[i]] = 1
  count = split("algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes " \
    "climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef " \
    "cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem format " \
    "forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list " \
    "locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex " \
    "scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string " \
    "string_view strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map " \
    "unordered_set utility valarray variant vector version", names, " ")
  for (i = 1; i <= count; ++i) is_standard[names[i]] = 1
  posix = "^((sys|linux)/[a-z0-9_]+|unistd|fcntl|pthread|poll|signal|sched|dirent|time|mntent|limits)\\.h$"
  count = split("base object ports node rpc async backend tier copies server client detail", names, " ")
  for (i = 1; i <= count; ++i) layer["core/" names[i]] = i
  layer["core/value"] = layer["core/base"]
  layer["core"] = layer["core/lazy"] = layer["core/pipeline"] = layer["core/steps"] = layer["core/tasks"] = layer["core/testing"] = layer["core/detail"]
  layer["core/c"] = layer["core"] + 1
  layer["core/python"] = layer["core"] + 2
  layer["core/fortran"] = layer["core"] + 2
  layer["shm/segment"] = 1
  layer["shm/death"] = 2
  layer["shm/arena"] = 3
  layer["shm/table"] = layer["shm/names"] = 4
  layer["shm/spill"] = 5
  layer["shm"] = 6
  count = split("mpi mpi/transport mpi/checkpoint mpi/runtime mpi/c mpi/python", names, " ")
  for (i = 1; i <= count; ++i) layer[names[i]] = i
  layer["mpi/fortran"] = layer["mpi/python"]
}

function refuse(why) {
  printf "%s:%d: %s\n    %s\n", FILENAME, FNR, $0, why
  refused++
}

# a/b/../c -> a/c
function normalised(path,    parts, kept, count, i, result) {
  count = split(path, parts, "/")
  kept = 0
  for (i = 1; i <= count; ++i) {
    if (parts[i] == "." || parts[i] == "") continue
    if (parts[i] == ".." && kept > 0) kept--
    else stack[++kept] = parts[i]
  }
  result = stack[1]
  for (i = 2; i <= kept; ++i) result = result "/" stack[i]
  return result
}

function exists(path,    line, status) {
  status = (getline line < path)
  close(path)
  return status >= 0
}

# Whether the description of a backend names that header, or one in the same folder.
function is_of_backend(manifest, header,    line, named, is_named) {
  while ((getline line < manifest) > 0) {
    if (!match(line, / HEADER [^ )]+/)) continue
    named = substr(line, RSTART + 8, RLENGTH - 8)
    is_named = is_named || header == named || (named ~ /\// && folder_of(header) == folder_of(named))
  }
  close(manifest)
  return is_named
}

function foreign_allowed(header) {
  if (header in is_standard) return 1
  if (FILENAME == "core/c/locum_types.h") return header ~ /^std(bool|def|int)\.h$/
  if (FILENAME ~ /^core\/python\//) return header ~ /^pybind11\/[a-z0-9_]+\.h$/ || header == "dlfcn.h" || (FILENAME == "core/python/exit_gate.cpp" && header == "pthread.h") || (FILENAME == "core/python/unlocked.cpp" && header ~ /^(cxxabi|unistd)\.h$/) || (FILENAME == "core/python/copied_bytes.cpp" && header == "sys/mman.h")
  if (FILENAME ~ /^mpi\/python\// && header ~ /^pybind11\/[a-z0-9_]+\.h$/) return 1
  if (FILENAME ~ /^core\/fortran\// && header == "ISO_Fortran_binding.h") return 1
  if (FILENAME ~ /^core\/testing\//) return header == "gtest/gtest.h"
  if (FILENAME == "core/json.hpp") return header == "nlohmann/json.hpp"
  if (FILENAME == "core/dlpack.hpp") return header == "dlpack/dlpack.h"
  if (FILENAME == "core/base/background_thread.cpp") return header ~ /^(pthread|signal)\.h$/
  if (FILENAME == "core/base/fork_mark.cpp") return header == "pthread.h"
  if (FILENAME == "core/base/descriptor.cpp") return header == "unistd.h"
  if (FILENAME == "core/base/wake_timer.cpp") return header ~ /^(sys\/timerfd|unistd)\.h$/
  if (FILENAME ~ /^shm\//) return header ~ /^boost\/interprocess\// || header ~ posix
  if (FILENAME ~ /^mpi\//) return header == "mpi.h"
  if (FILENAME ~ /^transport\/ucx\//) return header ~ /^(uc[pst]\/|dlfcn\.h$)/ || header ~ posix
  if (FILENAME ~ /^transport\/storage\/wrappers\// && header ~ /^(zstd|lz4frame|sodium)\.h$/) return 1
  if (FILENAME ~ /^transport\/storage\/[a-z0-9_]+\// && is_of_backend(folder_of(FILENAME) "/backend.cmake", header)) return 1
  if (FILENAME == "transport/storage/configuration.cpp" && header == "toml++/toml.h") return 1
  if (FILENAME ~ /^transport\/storage\/zip\// && header == "zlib.h") return 1
  if (FILENAME ~ /^transport\/storage\/formats\/tiff\// && header ~ /^tiff(io)?\.h$/) return 1
  if (FILENAME ~ /^transport\/storage\/codecs\// && header ~ /^(zlib|zstd|zstd_errors|lz4|blosc)\.h$/) return 1
  if (FILENAME == "transport/storage/experiments/sqlite_table.cpp" && header == "sqlite3.h") return 1
  if (FILENAME == "transport/storage/files/files.cpp" && header == "fnmatch.h") return 1
  if (FILENAME == "transport/storage/servers/tls.cpp" && header ~ /^openssl\/[a-z0-9_]+\.h$/) return 1
  if (FILENAME ~ /^transport\/storage\/servers\// && header ~ /^(netdb|netinet\/(in|tcp))\.h$/) return 1
  if (FILENAME ~ /^transport\/storage\//) return header == "hdf5.h" || header == "H5FDdevelop.h" || header ~ posix
  return 0
}

# Headers of base/, object/ and async/ are installed below detail/, those of value/ without their folder.
function source_of(installed) {
  if (exists("core/value/" installed)) return "value/" installed
  if (installed ~ /^detail\/(base|object|async|steps|pipeline)\//) sub(/^detail\//, "", installed)
  return installed
}

function folder_of(path) {
  sub(/\/[^\/]*$/, "", path)
  return path
}

# Within core, shm and mpi: whether the folder of this file may include that one.
function check_layer(path,    from, to) {
  from = folder_of(FILENAME)
  to = folder_of(path)
  if (from !~ /^(core|shm|mpi)(\/|$)/) return
  if (!(from in layer)) refuse(from "/ is no folder of the list in tests/layering/layering.awk")
  else if (!(to in layer)) refuse(to "/ is no folder of the list in tests/layering/layering.awk")
  else if (layer[to] > layer[from]) refuse(from "/ may not include " to "/, which stands behind it in the list")
}

function check_room(path,    from, to) {
  from = FILENAME
  sub(/\/.*/, "", from)
  to = path
  sub(/\/.*/, "", to)
  if (!(to in is_room)) refuse("\"" path "\" is in no room")
  else if (FILENAME ~ /^mpi\/c\// && path == "transport/storage/files.hpp") return  # as a program that uses both
  else if (to != from && to != "core" && FILENAME !~ /^mpi\/runtime\//)
    refuse(from "/ may include core/ and itself, not " to "/; only mpi/runtime/ sees every room")
  else if (FILENAME ~ /^core\/python\// && path !~ /^core\/python\// && text !~ /^<locum\/locum\.h>/)
    refuse("core/python/ may include itself and <locum/locum.h>, of the library nothing else")
  else if (path ~ /^core\/testing\// && folder_of(FILENAME) != "core/testing") refuse("core/testing/ is for tests")
  else if (path == "core/json.hpp") refuse("core/json.hpp needs a foreign header, and is for programs")
  else if (to == from) check_layer(path)
}

FNR == 1 { files++ }

/^[ \t]*#[ \t]*include/ {
  text = $0
  sub(/^[ \t]*#[ \t]*include[a-z_]*[ \t]*/, "", text)
  header = substr(text, 2)
  if (text ~ /^"[^"]+"/) {
    sub(/".*/, "", header)
    beside = FILENAME
    sub(/[^\/]*$/, "", beside)
    beside = normalised(beside header)
    check_room(exists(beside) ? beside : normalised(header))
  } else if (text ~ /^<[^>]+>/) {
    sub(/>.*/, "", header)
    if (header ~ /^locum\/(locum|runtime)\.hpp$/) check_room("mpi/runtime/" substr(header, 7))
    else if (header ~ /^locum\/(backends|backend_statistics|configuration|core|experiments?|files|ome|open|epoch_state|epochs|record_io|sample_coder|shard_source|shards|wrappers|zarr|zarr_group)\.hpp$/) check_room("transport/storage/" substr(header, 7))
    else if (header ~ /^locum\//) check_room("core/" normalised(source_of(substr(header, 7))))
    else if (!foreign_allowed(header)) refuse("<" header "> is neither standard C++ nor what this room adapts")
  } else {
    refuse("the included file must be written out, in quotes or angle brackets")
  }
}

FILENAME !~ /^core\/(base\/background_thread\.[ch]pp|testing\/.*)$/ {
  text = $0
  sub(/\/\/.*/, "", text)
  if (text ~ /std::(jthread|async)([^A-Za-z0-9_]|$)|std::thread([^A-Za-z0-9_:]|$)|pthread_create/)
    refuse("threads of the library are of core/base/background_thread.hpp")
}

FILENAME ~ /^(core|shm|mpi)\// && FILENAME !~ /^(core\/testing\/.*|core\/tier\/name_claims\.cpp|mpi\/checkpoint\/background\.cpp)$/ {
  text = $0
  sub(/\/\/.*/, "", text)
  if (text ~ /(^|[^A-Za-z0-9_])(sleep_for|sleep_until|usleep|nanosleep)[ \t]*\(/)
    refuse("a thread that looks at intervals learns late, and is woken in vain: wait for what ends the wait")
}

END {
  if (refused) {
    printf "%d lines refused in %d files\n", refused, files
    exit 1
  }
  if (!files) {
    print "no files to check"
    exit 2
  }
  printf "%d files respect the layers\n", files
}
