#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "core/async/haste.hpp"
#include "core/async/node_client.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "tests/core/forwarding_directory.hpp"

namespace locum::tests {

/// The names of a rank's directory that are stuck, as where a process is stopped while it holds their lock.
struct StuckNames {
  std::set<std::uint64_t> hashes;
  const NodeClient* client = nullptr;  ///< by which its threads let time pass
};

/// A directory in which who wants a stuck name waits until the deadline, or as long as a thread in haste may,
/// and has got nothing then. Who drives does not wait at all.
class StuckDirectory final : public ForwardingDirectory {
 public:
  StuckDirectory(std::shared_ptr<Directory> directory, std::shared_ptr<NodeTable> table,
                 const StuckNames& stuck)
      : ForwardingDirectory(std::move(directory)), table_(std::move(table)), stuck_(stuck) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, Deadline deadline) override {
    std::uint64_t hash = 0;
    if (const auto pin = table_->pin(key)) {
      hash = pin->record->name_hash;
      table_->release(pin->id);
    }
    return waits(hash, deadline) ? Result<std::uint64_t>(locked())
                                 : ForwardingDirectory::bind(key, options, deadline);
  }
  Result<Pin> find(std::uint32_t store, std::string_view name, Deadline deadline) override {
    return waits(name_hash(store, name), deadline) ? Result<Pin>(locked())
                                                   : ForwardingDirectory::find(store, name, deadline);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      Deadline deadline) override {
    return waits(name_hash(store, name), deadline) ? Result<bool>(locked())
                                                   : ForwardingDirectory::unbind(store, name, only, deadline);
  }

 private:
  [[nodiscard]] static Error locked() { return Error(Errc::timeout, "somebody is stopped with this lock"); }
  [[nodiscard]] bool waits(std::uint64_t hash, Deadline deadline) const {
    if (!stuck_.hashes.contains(hash)) {
      return false;
    }
    const auto left = stuck_.client->moment(deadline) - stuck_.client->now();
    if (Haste::allows_work() && left > left.zero()) {
      stuck_.client->pause(Haste::is_on() ? std::min<Deadline::Clock::duration>(left, Haste::longest())
                                          : left);
    }
    return true;
  }

  const std::shared_ptr<NodeTable> table_;
  const StuckNames& stuck_;
};

}  // namespace locum::tests
