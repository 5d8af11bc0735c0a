#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/steps/step_record.hpp"
#include "core/value/extents.hpp"

namespace locum::detail {

/// The boxes of one global array that a rank has written in a step. Those that may meet another one are found
/// by where they begin in the slowest dimension: a rank may write many thousands.
class WrittenBoxes {
 public:
  /// Returns an element that the block has and one before it has, too. All have the rank of the array.
  [[nodiscard]] std::optional<Extents> common_element(const BlockRecord& block) const;
  void add(const BlockRecord& block);

 private:
  std::multimap<std::uint64_t, BlockRecord> by_start_;  ///< in dimension 0
  std::uint64_t longest_ = 0;                           ///< in dimension 0
};

}  // namespace locum::detail
