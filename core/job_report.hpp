#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace locum {

/// Properties of the machine that one rank found: plain numbers, so that ranks can gather them.
struct RankFacts {
  std::int32_t node = 0;
  std::int32_t thread_level = 0;   ///< MPI's: 0 single, 1 funneled, 2 serialized, 3 multiple
  std::int32_t cores_online = 0;   ///< of the machine
  std::int32_t cores_allowed = 0;  ///< to this process, by its binding
  std::int32_t ranks_on_machine = 0;
  std::int32_t numa_nodes = 0;
  std::uint64_t memory_bytes = 0;    ///< of the node, for objects
  std::uint64_t physical_bytes = 0;  ///< of the machine
  std::uint64_t shm_bytes = 0;       ///< size of /dev/shm; the largest number: no limit
  std::uint64_t shm_free_bytes = 0;
  std::uint64_t open_files = 0;           ///< soft limit (RLIMIT_NOFILE)
  std::uint64_t locked_bytes = 0;         ///< soft limit (RLIMIT_MEMLOCK)
  bool copies_between_processes = false;  ///< process_vm_readv is allowed (CMA)
  bool huge_pages = false;                ///< for shared memory, if a process asks for them
  std::array<char, 64> host{};            ///< ends with 0
};
static_assert(std::is_trivially_copyable_v<RankFacts>);

/// Properties that all ranks of a runtime share.
struct JobFacts {
  std::string transport{};          ///< between nodes: "ucx", "mpi"; empty on a single node
  std::string transport_details{};  ///< versions and devices, in the transport's own words
  std::string mpi{};                ///< MPI's name for its version
  std::string one_sided{};          ///< "off", "on", or why not
  std::string spill_folder{};       ///< empty: objects do not leave memory
  std::uint64_t spill_bytes = 0;    ///< most bytes of a node there; 0: bounded by its disk
  bool only_in_calls = false;       ///< ranks serve others only in calls of the library
  bool splits_machines = false;     ///< LOCUM_RANKS_PER_NODE
};

/// Returns a text for people: one line for each node, the transport, the limits. `ranks` are those of the
/// runtime, in order.
[[nodiscard]] std::string describe(const JobFacts& job, std::span<const RankFacts> ranks);

/// Cost of a setting.
enum class Severity : std::uint8_t {
  note,     ///< normal on a laptop or in a test
  warning,  ///< slow or risky on a cluster
};
struct Advice {
  Severity severity = Severity::note;
  std::string text;  ///< the setting and its remedy, in one line
};
/// Returns the settings that are slow or risky, the costly ones first; each once, with the first rank that it
/// concerns.
[[nodiscard]] std::vector<Advice> advice(const JobFacts& job, std::span<const RankFacts> ranks);

}  // namespace locum
