#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/handle.hpp"

namespace locum::detail {

/// Identifies an object of a runtime, which may have closed, in 62 bits: the hash of that runtime's
/// incarnation and of the key that the object, or a promise, had there. Files contain it: it never changes.
[[nodiscard]] std::uint64_t former_identity(std::uint64_t incarnation, const Key& key) noexcept;

/// Returns the key, in a store of this runtime, of the kept promise that leads to the restored object with
/// this former identity (see promised.hpp). No promise of this runtime has that key. The same on all ranks.
[[nodiscard]] Key restored_key(std::uint32_t store, std::uint64_t identity, std::uint32_t ranks) noexcept;

/// Returns the identity of a kept promise: its own, or, if it has a restored_key(), that of the restored
/// object.
[[nodiscard]] std::uint64_t promise_identity(std::uint64_t incarnation, const Key& promised) noexcept;

/// A store of a runtime that may have closed.
struct FormerStore {
  std::uint64_t incarnation = 0;
  std::uint32_t store = 0;
};

/// The stores of other runtimes whose objects were restored into stores of this one: handles of those
/// runtimes become handles of promises here, and stay valid. Any thread may call.
class RestoredHandles {
 public:
  /// Records that `former_store` of that runtime is now `store` of a runtime of `ranks` ranks.
  void add(std::uint64_t incarnation, std::uint32_t former_store, std::uint32_t store, std::uint32_t ranks)
      LOCUM_EXCLUDES(mutex_);
  /// Returns the stores whose objects were restored into this one.
  [[nodiscard]] std::vector<FormerStore> origins(std::uint32_t store) const LOCUM_EXCLUDES(mutex_);
  /// Returns the handle, in the runtime with incarnation `here`, of the object of a handle of another one.
  /// None if its store was not restored.
  [[nodiscard]] std::optional<Handle> here(const Handle& former, std::uint64_t here) const
      LOCUM_EXCLUDES(mutex_);

 private:
  struct Origin {
    FormerStore former;
    std::uint32_t store = 0;
    std::uint32_t ranks = 1;
  };

  mutable Mutex mutex_;
  std::vector<Origin> origins_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
