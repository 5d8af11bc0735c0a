#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <locum/deadline.hpp>
#include <locum/result.hpp>

namespace locum {

/// Processes that share the records of a backend.
enum class SharedBy : std::uint8_t {
  process,  ///< this process alone
  host,     ///< processes of one host
  hosts,    ///< processes of all hosts that reach it
};

/// Abilities that a program needs of any backend. A backend that lacks one of them is refused when it is
/// opened (`unsupported`), not when it is used.
struct BackendNeeds {
  bool lists = false;                      ///< keys(), and dropping a store
  bool is_atomic = false;                  ///< one of two puts of a name wins, whichever processes make them
  bool expires = false;                    ///< the backend itself removes expired records
  bool pushes = false;                     ///< a waiting call is woken, and does not poll
  bool in_place = false;                   ///< views show the stored bytes themselves, without a copy
  bool is_durable = false;                 ///< objects outlive the process
  bool no_default = false;                 ///< a get of a missing object is `not_found`, whatever its name
  SharedBy shared_by = SharedBy::process;  ///< at least
  std::uint64_t largest_value = 0;         ///< values of up to this many bytes can be stored

  friend bool operator==(const BackendNeeds&, const BackendNeeds&) = default;
};

/// Transfer of large objects of other nodes to a reader.
enum class OneSided : std::uint8_t {
  off,        ///< their owner sends them
  automatic,  ///< one-sided reads of their owner's memory where the network supports them (InfiniBand, RoCE);
              ///< else as off
  /// For trying one-sided reads without such a network: UCX's shared-memory lanes read only memory that UCX
  /// itself allocated. Only for nodes of one rank, whose objects are then in such memory; it takes twice the
  /// node's memory, and never returns it to the system.
  ucx_memory,
};

/// Transport of messages and objects between nodes.
enum class TransportKind : std::uint8_t {
  automatic,  ///< UCX where the library was built with it, else MPI
  ucx,        ///< UCX, beside MPI
  mpi,        ///< messages of the MPI library itself, which is polled for them; a rank that dies ends the job
};

/// Text that a runtime prints on stderr, on its first rank, when it has been opened.
enum class Log : std::uint8_t {
  warnings,  ///< settings that are slow or risky on a cluster, one line each with the remedy
  off,       ///< nothing
  info,      ///< Runtime::describe()
};

/// Options of a runtime. All ranks must give the same, or take those of the others (`as_others`); if they
/// differ, all ranks get one error that names the difference. Each field has an environment variable (named
/// behind it) that overrides the program's value, so that a job script can tune a program without recompiling
/// it. Sizes in the environment are bytes, with an optional K, M, G or T (powers of 1024).
struct RuntimeOptions {
  /// Memory of one node for objects and tables, all ranks together. Free memory of a rank returns to the
  /// system after some seconds, and at once when another rank lacks memory. 0: half of the memory that
  /// `/dev/shm` and the cgroup have available.
  std::uint64_t memory_bytes = 0;  // LOCUM_MEMORY_BYTES
  /// Longest wait of a call without a deadline. More than 0.
  std::chrono::milliseconds timeout{30'000};  // LOCUM_TIMEOUT_MS
  /// Longest wait of a collective call (opening, closing, drop, report_all) for ranks that still compute or
  /// read their input, and of a stream's writers and readers for each other. More than 0.
  std::chrono::milliseconds collective_timeout{600'000};  // LOCUM_COLLECTIVE_TIMEOUT_MS
  /// How long a rank of another node that owes a reply may be silent, without even a sign of life, before it
  /// counts as dead. More than 0, a year at most.
  std::chrono::milliseconds peer_timeout{5'000};  // LOCUM_PEER_TIMEOUT_MS
  /// Splits each machine into nodes of this many ranks, to test inter-node behaviour. 0: does not split.
  int ranks_per_node = 0;  // LOCUM_RANKS_PER_NODE
  /// Transport between the nodes. `report()` shows the one in use.
  TransportKind transport = TransportKind::automatic;  // LOCUM_TRANSPORT: auto, ucx, mpi
  /// Whether ranks of other nodes read large objects one-sidedly. `report()` shows the support of the
  /// network.
  OneSided one_sided = OneSided::off;  // LOCUM_ONE_SIDED: off, auto, ucx_memory
  /// Address space that one node's memory may take in each process. Unused address space costs nothing.
  std::uint64_t reserve_bytes = std::uint64_t{32} << 40U;  // LOCUM_RESERVE_BYTES
  /// Unit in which memory is taken from the system and returned: a power of two, at least 64 KiB; values over
  /// 2 MiB count as 2 MiB. 0: chosen by memory_bytes and the number of ranks.
  std::uint64_t step_bytes = 0;  // LOCUM_STEP_BYTES
  /// Memory that each rank takes and touches in advance, in the background, because a first touch costs ten
  /// times a copy; rounded down to steps. 0: a sixteenth of its share of memory_bytes, at most 64 MiB.
  std::uint64_t prepare_bytes = 0;  // LOCUM_PREPARE_BYTES
  /// Objects up to this size, including their metadata, are also kept at the home of their name, so that a
  /// get by name takes one round trip. At most 64 KiB.
  std::uint64_t inline_bytes = 4096;  // LOCUM_INLINE_BYTES
  /// Window of `Proxy::prefetch`: at most this many bytes are on their way to a rank, or have arrived unused,
  /// at a time; further objects queue. A larger object is fetched alone. Futures (`get_async`) have a window
  /// of the same size, in which objects count until they are got. So has each backend of stores. 0: a quarter
  /// of the rank's share of memory_bytes, also over `nodes+`; 256 MiB over other backends.
  std::uint64_t prefetch_bytes = 0;  // LOCUM_PREFETCH_BYTES
  /// A folder on a disk of each node. If the node's memory is full, objects of 64 KiB and more without views
  /// are moved there, and back when they are read. Empty: none are. Copied by the runtime.
  std::string_view spill_folder = {};  // LOCUM_SPILL_FOLDER
  /// Bytes of that disk that a node may use, about. 0: the space of its file system less a twentieth, or less
  /// 1 GiB if that is smaller.
  std::uint64_t spill_bytes = 0;  // LOCUM_SPILL_BYTES
  /// Decoded values that each rank keeps for later readers, by stored size. 0: keeps only those in use.
  std::uint64_t decoded_cache_bytes = std::uint64_t{64} << 20U;  // LOCUM_DECODED_CACHE_BYTES
  /// Text printed when the runtime has been opened; once in a process for each kind.
  Log log = Log::warnings;  // LOCUM_LOG: warnings, off, info

  /// The signal by which a scheduler notifies a process that the job ends soon: SIGUSR1, for example.
  /// Runtime::checkpoint_requested() then reports it to all ranks. The signal does nothing else while the
  /// runtime is open. 0: none.
  int checkpoint_signal = 0;  // LOCUM_CHECKPOINT_SIGNAL: USR1, USR2, TERM …, or a number
  /// A file of TOML tables (see Configuration) with the options of stores that the program opens without
  /// options: their backends, for example. Rank 0 reads it when the runtime is opened. Empty: none. Copied by
  /// the runtime.
  std::string_view stores = {};  // LOCUM_STORES

  /// Name by which find_store() distinguishes runtimes of one process; at most 256 bytes, without a line
  /// break. No environment twin: a program asks by the name that it gave. Copied by the runtime.
  std::string_view name = {};

  /// Whether this rank takes the options of the ranks that give theirs, in place of its own and of its
  /// environment: for tools that join any job. At least one rank must give its options. No environment twin;
  /// false in the options in force.
  bool as_others = false;

  friend bool operator==(const RuntimeOptions&, const RuntimeOptions&) = default;
};

/// Options of a store. The first opener, on whichever rank, fixes them. A later one that gives options must
/// give the same, else it gets the error `options_differ`; one that gives none takes those in force.
struct StoreOptions {
  /// Longest wait of calls on this store without a deadline of their own. 0: the runtime's.
  std::chrono::milliseconds timeout{0};
  /// Whether decoded values are kept for the next reader, within RuntimeOptions::decoded_cache_bytes. Values
  /// that contain stand-ins are never kept: once resolved, these pin their objects.
  bool keep_decoded = true;
  /// Bounds of a cache of decoded values of this store alone, in each rank, in place of a share of
  /// RuntimeOptions::decoded_cache_bytes: their stored bytes, and their number. 0: without that bound; both
  /// 0: the store shares that of the rank. Least recently used values are dropped first.
  std::uint64_t decoded_cache_bytes = 0;
  std::uint64_t decoded_cache_values = 0;
  /// Whether each object carries a checksum of its bytes, taken when it is sealed and checked when a process
  /// first uses the object: `corrupt` if something wrote over it meanwhile. Costs a pass over the bytes each
  /// time; uses that follow cost nothing.
  bool checksum = false;
  /// Budget: the most memory of each node, all its ranks together, that the store's objects may take. At the
  /// limit a call that stores an object follows its policy (WhenFull), as if the node were full. Objects that
  /// are evicted and still viewed count; copies of objects of other nodes do not. At most 64 stores of a
  /// runtime have one. 0: none but that of the node.
  std::uint64_t memory_bytes = 0;
  /// Lifetime of objects of the store that are stored without one of their own (StoringOptions::lifetime),
  /// and outside of collections that have one: at most 100 years; 0: for ever. Each is evicted no earlier
  /// than that after it was stored, by the system's clock. In the memory of nodes it may be found for a
  /// quarter of its lifetime more (2 s if that is less, 40 ms if that is more; 2 s if the rank that stored it
  /// has died): see docs/memory.md. Over a backend no process finds it from then on; `keys()` may show its
  /// name until it was removed, which takes a quarter of its lifetime, within 1 s and a minute. A put takes
  /// the name of an expired object in any case. Not for stores that have streams of steps or queues of tasks.
  std::chrono::milliseconds lifetime{0};
  /// For Runtime::store(): the URL of the backend that keeps the store's objects, in place of the nodes'
  /// memory; see locum::open(). Each rank that opens the store gives it. Not among the options in force, and
  /// not for Session::open().
  std::string_view connector = {};
  /// For Runtime::store(): abilities that the program needs of the backend or nodes' memory that keeps the
  /// objects: `unsupported`, before anything is sent, if one is missing. Each rank that opens the store gives
  /// its own. Not among the options in force, and not for Session::open(), nor for a Configuration. Options
  /// with only needs take those in force, or those of the store's table.
  BackendNeeds needs = {};

  friend bool operator==(const StoreOptions&, const StoreOptions&) = default;
};

/// \cond library
/// Checks options: `invalid_argument` if one is out of range.
[[nodiscard]] Result<void> check(const StoreOptions& options);
/// Checks a lifetime: `invalid_argument` if it is out of range.
[[nodiscard]] Result<void> check_lifetime(std::chrono::milliseconds lifetime);
/// \endcond
/// Returns `given`, overridden by the environment and checked; `invalid_argument` names the field or variable
/// and its valid values.
[[nodiscard]] Result<RuntimeOptions> with_environment(RuntimeOptions given);
/// Returns one `name = value` line per option, for logs and for comparing ranks.
[[nodiscard]] std::string to_string(const RuntimeOptions& options);
/// \cond library
/// Returns the options from which to_string() made this text; their `name` refers to the text. `corrupt` if
/// it is no such text, or an option is out of range.
[[nodiscard]] Result<RuntimeOptions> options_in(std::string_view text);
/// \endcond

inline namespace literals {
constexpr std::uint64_t operator""_KiB(unsigned long long count) {
  return count << 10U;
}
constexpr std::uint64_t operator""_MiB(unsigned long long count) {
  return count << 20U;
}
constexpr std::uint64_t operator""_GiB(unsigned long long count) {
  return count << 30U;
}
}  // namespace literals

}  // namespace locum
