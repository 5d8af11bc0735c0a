#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <locum/detail/store_base.hpp>

namespace locum::detail {

/// The calls of a promise that do not depend on its type. Part of every promise. Movable.
class PromiseCalls : protected StoreBase {
 public:
  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

 protected:
  PromiseCalls() noexcept;
  PromiseCalls(std::shared_ptr<OpenStore> store, std::shared_ptr<PromiseState> state) noexcept;
  PromiseCalls(PromiseCalls&& other) noexcept;
  PromiseCalls& operator=(PromiseCalls&& other) noexcept;
  ~PromiseCalls();

  /// Stores the value, under this name if it is `named`.
  using StoreValue = std::function<Result<Made>(std::string_view name, bool named)>;
  /// Sets the promise to the value that `store` stores; see Promise::set().
  [[nodiscard]] Result<Key> set_stored(Deadline deadline, const StoreValue& store);
  /// Returns the handle of the value; `type_hash`: 0 if the type is not known. REQUIRES: operator bool().
  [[nodiscard]] Handle handle(std::uint64_t type_hash) const noexcept;

 private:
  [[nodiscard]] Result<Key> bound(const Result<Made>& made);
  [[nodiscard]] Result<Key> elsewhere(const Key& value, std::uint64_t size_bytes, Deadline deadline);

  std::shared_ptr<PromiseState> state_;
};

}  // namespace locum::detail
