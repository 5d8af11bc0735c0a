#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ports/arena.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/wait_budget.hpp"

namespace locum {

/// The generation of the object that a name at home here is bound to, if that object has expired: a put may
/// take its place. None if it has not, if it is not known, or if the name is free.
[[nodiscard]] std::optional<std::uint64_t> expired_generation(Directory& directory, NodeTable& table,
                                                              const Arena& arena, std::uint32_t store,
                                                              std::string_view name, WaitBudget budget);
/// Evicts, through that connector of this process, the objects in a table that this process owns and that
/// have expired, as far as it gets within a second.
void evict_expired(Connector& connector, NodeTable& table, const Arena& arena) noexcept;

}  // namespace locum
