#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/wait_budget.hpp"

namespace locum {

/// Is notified when names are bound; see Directory::watch().
class NameWatcher {
 public:
  NameWatcher() = default;
  NameWatcher(const NameWatcher&) = delete;
  NameWatcher& operator=(const NameWatcher&) = delete;
  virtual ~NameWatcher() = default;

  /// Notifies that a watched name may have been bound. Called on any thread, possibly holding a lock of the
  /// directory: must neither wait nor call the directory.
  virtual void bound() noexcept = 0;
  /// Like bound(), when the binding thread notifies the waiters right afterwards (SealOptions::caller_tells):
  /// records the event, and need not wake any thread.
  virtual void bound_by_who_tells() noexcept { bound(); }
};

/// The names at home on this node. Readers take no lock; writers of a shard hold a lock that survives its
/// holder's death, and record their intent first. Objects carry their name, so that a record found by hash
/// counts only after the pinned object's name was compared. A wait, for a lock or for another node, ends with
/// `timeout` when its budget is spent; under a limited budget at once, if a thread of this process has waited
/// in vain for the same holder. Any thread may call.
class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  virtual ~Directory() = default;

  /// Binds the name that a published object of this process carries: on return every process of the node
  /// finds it. Returns the new generation, or `key_exists`, `stale`, `not_found` (see SealOptions),
  /// `out_of_memory`. A replaced object is tombstoned.
  [[nodiscard]] virtual Result<std::uint64_t> bind(const Key& key, const SealOptions& options,
                                                   WaitBudget budget = {}) = 0;
  /// Returns the object bound to that name, pinned; or `not_found`.
  [[nodiscard]] virtual Result<Pin> find(std::uint32_t store, std::string_view name,
                                         WaitBudget budget = {}) = 0;
  /// Unbinds the name and hides the object: whichever is bound (`only` invalid), or only if it is still that
  /// object. Returns false if it was not bound.
  [[nodiscard]] virtual Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                            WaitBudget budget = {}) = 0;
  /// Returns the current generation of a name with this hash; 0 if none. An error means that it is unknown: a
  /// process stopped within a change (`timeout`), or damage, hides it.
  [[nodiscard]] virtual Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget = {}) = 0;
  /// Returns the names with that prefix, unordered; those bound throughout the call exactly once.
  [[nodiscard]] virtual Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                               WaitBudget budget = {}) = 0;
  /// Blocks until the name is bound, and returns the object like find(); `timeout` at `moment`.
  [[nodiscard]] virtual Result<Pin> wait(std::uint32_t store, std::string_view name,
                                         Deadline::Clock::time_point moment) = 0;
  /// Notifies the watcher once a name of this hash that find() did not find when this returned may have been
  /// bound, by any process of the node; does not wait. A process has one watcher, the last one passed.
  /// Spurious calls are possible, and after a call everything has to be watched again. False: this process
  /// cannot start the notifying thread, and has to poll; the next watch() tries again.
  virtual bool watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) = 0;
};

}  // namespace locum
