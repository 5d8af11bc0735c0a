#pragma once

#include <cstdint>

#include "core/tasks/task_records.hpp"

namespace locum::detail {

/// A number that nobody has claimed, as far as was seen.
struct FreePlace {
  std::uint64_t number = 0;
  bool has_slot = false;  ///< whether its slot was there
};

/// The first number without a claim from `from` on, but for the number `end`; where claims are missing among
/// others, one of these. Claims are put in the order of their numbers: so this looks ahead in growing
/// steps, and then between the last two, at twelve numbers a round trip where the queue is on another node.
[[nodiscard]] Result<FreePlace> find_free_place(const TaskRecords& records, std::uint64_t from,
                                                std::uint64_t end);

}  // namespace locum::detail
