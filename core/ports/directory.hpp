#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/node_table.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// Hears of names that are bound; see Directory::watch().
class NameWatcher {
 public:
  NameWatcher() = default;
  NameWatcher(const NameWatcher&) = delete;
  NameWatcher& operator=(const NameWatcher&) = delete;
  virtual ~NameWatcher() = default;

  /// A name that is watched may have been bound. Called by whatever thread, maybe while it holds a lock of
  /// the directory's: neither waits nor calls the directory.
  virtual void bound() noexcept = 0;
  /// The same, where whoever has bound it tells who waits for it right after (SealOptions::caller_tells):
  /// notes that, and need not wake anybody.
  virtual void bound_by_who_tells() noexcept { bound(); }
};

/// The names that are at home on this node. Readers take no lock; writers of a shard hold a lock that
/// survives its holder's death and note their intent first. Objects carry their own name, so that a record
/// found by hash is believed only after the pinned object's name was compared. Whoever has to wait, for a
/// lock or for another node, gets `timeout` when its budget is spent; under a limited one at once, where
/// somebody of this process has waited in vain for the same holder. Any thread may call.
class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  virtual ~Directory() = default;

  /// Makes a published object of this process findable by the name that it carries: at the return every
  /// process of the node finds it. The new generation; or `key_exists`, `stale`, `not_found` (see
  /// SealOptions), `out_of_memory`. A replaced object is tombstoned.
  [[nodiscard]] virtual Result<std::uint64_t> bind(const Key& key, const SealOptions& options,
                                                   WaitBudget budget = {}) = 0;
  /// The live object of that name, pinned; `not_found`.
  [[nodiscard]] virtual Result<Pin> find(std::uint32_t store, std::string_view name,
                                         WaitBudget budget = {}) = 0;
  /// Takes name and object out of sight: whichever is live (`only` invalid), or only if it is still that
  /// object. False if it was not there.
  [[nodiscard]] virtual Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                            WaitBudget budget = {}) = 0;
  /// The live generation of whatever name has this hash; 0 if none. An error says that it is not known: a
  /// process that is stopped within a change (`timeout`), or damage, hides it.
  [[nodiscard]] virtual Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget budget = {}) = 0;
  /// Names with that prefix, unordered; those live throughout exactly once.
  [[nodiscard]] virtual Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                               WaitBudget budget = {}) = 0;
  /// find(), as soon as there is something to find. Sleeps until then; `timeout` at `moment`.
  [[nodiscard]] virtual Result<Pin> wait(std::uint32_t store, std::string_view name,
                                         Deadline::Clock::time_point moment) = 0;
  /// Tells the watcher once names of this hash may have been bound that find() did not find when this
  /// returned, whichever process of the node binds them; does not wait. Each process has one watcher, the
  /// last one named. It may be told for no reason, and once it is told everything has to be watched anew.
  /// False: this process cannot have a thread that tells it, and has to look by itself now and then; the next
  /// watch() tries again.
  virtual bool watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) = 0;
};

}  // namespace locum
