#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/scaling/scene.hpp"

namespace scaling {

/// The two ways to do the same work.
enum class Side {
  ours,  ///< with this library
  twin,  ///< with MPI alone
};

/// Something that is measured: made by all ranks, and used by them together. Each function is called by all
/// ranks in the same order; each throws if bytes are wrong or a call fails.
class Case {
 public:
  Case() = default;
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
  virtual ~Case() = default;

  /// Not timed, before each repetition.
  virtual void prepare(Side side, std::uint64_t repetition) = 0;
  /// Timed: this rank's part of a repetition.
  virtual void run(Side side) = 0;
  /// Not timed, after all ranks have done their part: checks, and takes back what was made.
  virtual void finish(Side side) = 0;
  /// Why there is no twin here; empty if there is one.
  [[nodiscard]] virtual std::string no_twin() const { return {}; }
  /// What is unusual about the twin here; mostly empty.
  [[nodiscard]] virtual std::string twin_note() const { return {}; }
  /// Operations of one rank in a repetition, one after the other: the time of an operation is that of the
  /// repetition divided by this.
  [[nodiscard]] virtual std::size_t operations() const = 0;
  /// Operations of all ranks together.
  [[nodiscard]] virtual std::size_t all_operations() const = 0;
  /// The bytes of all operations together, for the throughput.
  [[nodiscard]] virtual std::size_t all_bytes() const = 0;
};

/// A case as it can be chosen.
struct CaseKind {
  enum class Sizes {
    given,   ///< those that the user asks for
    record,  ///< one, that of a record of YCSB
    none,    ///< objects play no part
  };
  std::string_view name;
  std::string_view what;  ///< one line
  std::string_view twin;  ///< what it is compared with
  Sizes sizes = Sizes::given;
  int nodes_needed = 1;
  /// Of a rank in a repetition: so many that ranks work at the same time, though they begin some microseconds
  /// apart.
  std::size_t most_operations = 64;
  std::unique_ptr<Case> (*make)(const Scene& scene) = nullptr;
  /// So many times the bytes of a rank in a repetition are in the memory of its node, at most.
  std::size_t objects_per_rank = 4;
};

/// All cases, in the order in which they run.
[[nodiscard]] std::span<const CaseKind> all_cases();

}  // namespace scaling
