#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <locum/result.hpp>

namespace locum {

/// How large objects of other nodes reach a reader.
enum class OneSided : std::uint8_t {
  off,        ///< their owner sends them
  automatic,  ///< read out of their owner's memory without its help, where the lanes read registered memory
              ///< so (InfiniBand, RoCE); else as off
  /// To try the one-sided path where there is no such fabric: lanes through shared memory read memory that
  /// UCX itself allocated, and no other. Of nodes of one rank, whose objects then lie in such memory; it
  /// takes the node's memory twice, and is never given back to the system.
  ucx_memory,
};

/// How a runtime is set up. All ranks must ask for the same; differing ranks get one clear error, everywhere.
/// Each field has an environment twin (named behind it) that wins over the program's value, so that a job
/// script can tune what it cannot recompile. Sizes in the environment are bytes, with an optional K, M, G or
/// T (powers of 1024).
struct RuntimeOptions {
  /// Memory of one node for objects and tables, all ranks together. What a rank has free of it goes back to
  /// the system after some seconds, and at once when another rank lacks memory. 0: half of what `/dev/shm`
  /// and the cgroup leave.
  std::uint64_t memory_bytes = 0;  // LOCUM_MEMORY_BYTES
  /// What a call waits for, at most, that was given no deadline of its own. More than 0.
  std::chrono::milliseconds timeout{30'000};  // LOCUM_TIMEOUT_MS
  /// What a collective call (opening, closing, drop, report_all) waits for ranks that still compute or read
  /// their input. More than 0.
  std::chrono::milliseconds collective_timeout{600'000};  // LOCUM_COLLECTIVE_TIMEOUT_MS
  /// How long a rank of another node that owes an answer may say nothing, not even that it lives, before it
  /// counts as dead. More than 0, a year at most.
  std::chrono::milliseconds peer_timeout{5'000};  // LOCUM_PEER_TIMEOUT_MS
  /// Splits each machine into nodes of that many ranks, for trying what happens between nodes. 0: as the
  /// machines are.
  int ranks_per_node = 0;  // LOCUM_RANKS_PER_NODE
  /// Whether other nodes' ranks read large objects one-sidedly. `report()` says what the lanes offer.
  OneSided one_sided = OneSided::off;  // LOCUM_ONE_SIDED: off, auto, ucx_memory
  /// Address space that one node's memory may take in each process. It costs nothing until it is used.
  std::uint64_t reserve_bytes = std::uint64_t{32} << 40U;  // LOCUM_RESERVE_BYTES
  /// Memory is taken from the system, and given back, in steps of this size: a power of two, at least 64 KiB;
  /// more than 2 MiB is taken as that. 0: chosen by memory_bytes and the number of ranks.
  std::uint64_t step_bytes = 0;  // LOCUM_STEP_BYTES
  /// Memory that each rank takes and touches ahead of use, in the background, because a first touch costs ten
  /// times a copy; rounded down to steps. 0: a sixteenth of its part of memory_bytes, at most 64 MiB.
  std::uint64_t prepare_bytes = 0;  // LOCUM_PREPARE_BYTES
  /// Objects up to this size, their description included, are kept at the home of their name too, so that a
  /// get by name takes one round trip. At most 64 KiB.
  std::uint64_t inline_bytes = 4096;  // LOCUM_INLINE_BYTES
  /// Of objects that stand-ins fetch ahead of use (`Proxy::prefetch`), so many bytes are on their way to a
  /// rank, or have come and were not used yet, at a time; the rest waits for its turn. An object that is
  /// larger comes alone. The same again of futures (`get_async`), until their objects are got. 0: a quarter
  /// of the rank's part of memory_bytes.
  std::uint64_t prefetch_bytes = 0;  // LOCUM_PREFETCH_BYTES
  /// Decoded values kept per rank for the next reader, counted by their stored size. 0 keeps none but those
  /// in use.
  std::uint64_t decoded_cache_bytes = std::uint64_t{64} << 20U;  // LOCUM_DECODED_CACHE_BYTES

  /// By which find_store() tells runtimes of one process apart; at most 256 bytes, and without a line break.
  /// No environment twin: a program asks by the name that it gave.
  std::string name = {};

  friend bool operator==(const RuntimeOptions&, const RuntimeOptions&) = default;
};

/// `given`, overridden by the environment and checked; `invalid_argument` names the field or variable and
/// what it takes.
[[nodiscard]] Result<RuntimeOptions> with_environment(RuntimeOptions given);
/// One `name = value` line per option, for logs and for comparing ranks.
[[nodiscard]] std::string to_string(const RuntimeOptions& options);

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
