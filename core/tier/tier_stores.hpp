#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Which store of the memory in front is which of the backend. Any thread.
class TierStores {
 public:
  /// \param open the number in the backend of the store of that name; empty: stores have one number
  explicit TierStores(std::function<Result<std::uint32_t>(std::string_view name)> open)
      : open_(std::move(open)) {}

  /// The store of that number, in front, has this name.
  void know(std::uint32_t store, std::string_view name) const LOCUM_EXCLUDES(mutex_);
  /// The number in the backend. `not_found`: this process has not opened that store.
  [[nodiscard]] Result<std::uint32_t> in_back(std::uint32_t store) const LOCUM_EXCLUDES(mutex_);
  /// Empty: it is not known.
  [[nodiscard]] std::string name_of(std::uint32_t store) const LOCUM_EXCLUDES(mutex_);
  /// The numbers, in front, of those that are known.
  [[nodiscard]] std::vector<std::uint32_t> all() const LOCUM_EXCLUDES(mutex_);
  void forget(std::uint32_t store) LOCUM_EXCLUDES(mutex_);

 private:
  struct Known {
    std::string name;
    std::optional<std::uint32_t> in_back;  ///< none: nobody has asked yet
  };

  const std::function<Result<std::uint32_t>(std::string_view name)> open_;
  mutable Mutex mutex_;
  mutable std::unordered_map<std::uint32_t, Known> known_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
