#pragma once

#include <vector>

#include "core/ports/node_table.hpp"

namespace locum::tests {

/// Collects, and appends the records to `dead` in place of freeing their blocks.
inline Owned collect_into(NodeTable& table, std::vector<ObjectRecord>& dead, Effort effort) {
  return table.collect([&dead](const ObjectRecord& record) { dead.push_back(record); }, effort);
}

}  // namespace locum::tests
