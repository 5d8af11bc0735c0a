#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/object/object_record.hpp"
#include "core/ports/store_accounts.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// Budgets of stores in shared memory. Part of an ObjectTable, which counts back what it frees.
///
/// Each rank has a row of counts, one for each budget, of the objects in its share; the sum over all rows is
/// what a store uses. Only the owner of a share writes its row: an object is counted before it gets memory,
/// and counted back by the owner when that is free. So a death leaves in the dead rank's row what was counted
/// and not published, or freed and not counted back: its adopter counts the entries anew, before it frees
/// any. Two ranks that take the last room at the same time may both be refused, never both be served.
class SharedAccounts final : public StoreAccounts {
 public:
  /// \param own node rank of this process
  SharedAccounts(std::shared_ptr<Segment> segment, std::uint32_t own);

  [[nodiscard]] Result<void> set_budget(std::uint32_t store, std::string_view name,
                                        std::uint64_t bytes) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> take(std::uint32_t store, std::uint64_t bytes) override LOCUM_EXCLUDES(mutex_);
  void give_back(std::uint32_t store, std::uint64_t bytes) noexcept override {
    give_back(own_, store, bytes);
  }
  [[nodiscard]] bool has_room(std::uint32_t store, std::uint64_t bytes) const noexcept override;
  [[nodiscard]] std::vector<StoreUsage> usage() override;

  /// An object of that share is freed. REQUIRES: this process owns it.
  void give_back(std::uint32_t node_rank, std::uint32_t store, std::uint64_t bytes) noexcept;
  /// Counts the entries of a dead process anew. REQUIRES: this process is about to own them.
  void count_anew(std::uint32_t dead, const Entries& entries) noexcept;

 private:
  [[nodiscard]] std::uint32_t count() const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t store) const noexcept;
  [[nodiscard]] std::uint64_t used(std::uint32_t budget) const noexcept;
  [[nodiscard]] Error refused(std::uint32_t store, std::uint32_t budget, std::uint64_t bytes)
      LOCUM_EXCLUDES(mutex_);
  void ask_others() const noexcept;
  static void count_entries(const Entries& entries, std::map<std::uint32_t, StoreUsage>& stores);

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  Mutex mutex_;
  std::map<std::uint32_t, std::string> names_ LOCUM_GUARDED_BY(mutex_);  ///< of stores, for errors
};

}  // namespace locum::shm
