#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/backend/record_names.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Which store has which space of a backend. The space has the store's name; its number is a hash of its
/// registration, the record of that name in the space of the registry; it is 64 Ki at least. Lower numbers
/// are of connectors that are used without sessions: each has a space of its own. Any thread may call.
class StoreSpaces {
 public:
  StoreSpaces(std::shared_ptr<Backend> backend, const RecordNames& names)
      : backend_(std::move(backend)), names_(names) {}

  /// The number of the store of that name and registration, which is known from now on; more than last_store
  /// if another store that is known has the same: of four billion pairs, one.
  [[nodiscard]] std::uint64_t number_of(std::string_view store, std::uint64_t generation) const
      LOCUM_EXCLUDES(mutex_);
  /// The space of a store; of one that this process has not opened, by looking through the registry.
  /// `not_found` if there is no such store. The text stays as long as this does.
  [[nodiscard]] Result<std::string_view> space_of(std::uint32_t store, Deadline deadline)
      LOCUM_EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::string_view known(std::uint32_t store) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> look_through_registry(Deadline deadline);

  const std::shared_ptr<Backend> backend_;
  const RecordNames names_;
  mutable Mutex mutex_;
  /// None is ever removed or changed.
  mutable std::unordered_map<std::uint32_t, std::string> spaces_ LOCUM_GUARDED_BY(mutex_);
};

/// The spaces of the stores of a batch, which mostly has one. One thread.
class BatchSpaces {
 public:
  BatchSpaces(StoreSpaces& spaces, Deadline deadline) noexcept : spaces_(spaces), deadline_(deadline) {}

  /// As StoreSpaces has it; until the next call.
  [[nodiscard]] const Result<std::string_view>& space_of(std::uint32_t store) {
    if (!space_ || store != store_) {
      space_ = spaces_.space_of(store, deadline_);
      store_ = store;
    }
    return *space_;
  }

 private:
  StoreSpaces& spaces_;
  const Deadline deadline_;
  std::optional<Result<std::string_view>> space_;
  std::uint32_t store_ = 0;
};

/// The space of the registry.
inline constexpr std::string_view registry_space = "@stores";

}  // namespace locum
