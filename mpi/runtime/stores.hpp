#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/store_accounts.hpp"
#include "mpi/group.hpp"

namespace locum {

/// What one rank says of a store: plain numbers, so that ranks can gather them.
struct StoreRow {
  StoreUsage usage;
  std::int32_t rank = 0;
  std::int32_t node = 0;
  std::array<char, 48> name{};  ///< its beginning, ends with 0; empty: this node does not know it
};
static_assert(std::is_trivially_copyable_v<StoreRow>);

/// Of the stores of which this rank owns most, and of those with a budget: sixteen at most. Sends nothing.
[[nodiscard]] std::vector<StoreRow> store_rows(Connector& connector, int rank, int node);
/// Those of all ranks. Collective over the group.
[[nodiscard]] std::vector<StoreRow> gather_rows(mpi::CommunicatorGroup& group,
                                                const std::vector<StoreRow>& mine);
/// A table for the terminal: of each node, and of each rank where there are several. Empty without rows.
[[nodiscard]] std::string to_text(std::span<const StoreRow> rows);

}  // namespace locum
