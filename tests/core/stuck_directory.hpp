#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "tests/core/forwarding_directory.hpp"

namespace locum::tests {

/// Names in a rank's directory that no call can access, as if a process were stopped while it holds their
/// lock.
struct StuckNames {
  std::set<std::uint64_t> hashes;
  const NodeClient* client = nullptr;  ///< lets simulated time pass for its threads
};

/// A directory in which a call for a stuck name waits until its deadline, or as long as a limited budget
/// allows, and then fails. On the driver it does not wait at all.
class StuckDirectory final : public ForwardingDirectory {
 public:
  StuckDirectory(std::shared_ptr<Directory> directory, std::shared_ptr<NodeTable> table,
                 const StuckNames& stuck)
      : ForwardingDirectory(std::move(directory)), table_(std::move(table)), stuck_(stuck) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, WaitBudget budget) override {
    std::uint64_t hash = 0;
    if (const auto pin = table_->pin(key)) {
      hash = pin->record->name_hash;
      table_->release(pin->id);
    }
    return waits(hash, budget) ? Result<std::uint64_t>(locked())
                               : ForwardingDirectory::bind(key, options, budget);
  }
  Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget budget) override {
    return waits(name_hash(store, name), budget) ? Result<Pin>(locked())
                                                 : ForwardingDirectory::find(store, name, budget);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      WaitBudget budget) override {
    return waits(name_hash(store, name), budget) ? Result<bool>(locked())
                                                 : ForwardingDirectory::unbind(store, name, only, budget);
  }

 private:
  [[nodiscard]] static Error locked() { return Error(Errc::timeout, "a stopped process holds this lock"); }
  [[nodiscard]] bool waits(std::uint64_t hash, WaitBudget budget) const {
    if (!stuck_.hashes.contains(hash)) {
      return false;
    }
    const auto left = stuck_.client->moment(budget.deadline()) - stuck_.client->now();
    if (budget.allows_work() && left > left.zero()) {
      stuck_.client->pause(
          budget.is_limited() ? std::min<Deadline::Clock::duration>(left, budget.longest_wait()) : left);
    }
    return true;
  }

  const std::shared_ptr<NodeTable> table_;
  const StuckNames& stuck_;
};

}  // namespace locum::tests
