#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/store.hpp>

namespace locum {

/// A Store over a backend whose traits are known when the program is compiled: calls that need an ability
/// which they lack do not compile. `locum::open<locum::backends::memcached>(url)` opens one. `traits` is a
/// constant, one of those in backends.hpp or the program's own, with the abilities that the program counts
/// on.
///
/// In all else it is a Store, and functions that take a Store take it. They do not know the traits: an
/// ability that the backend lacks is `unsupported` there, when it is used.
template <const BackendTraits& traits>
class StoreOver : public Store {
 public:
  /// Wraps an open store. REQUIRES: its backend has all abilities of `traits`; this is not checked.
  explicit StoreOver(Store store) noexcept : Store(std::move(store)) {}

  /// @name Calls that need names
  /// Like those of Store, but they do not compile where `traits.lists` is false.
  /// @{

  [[nodiscard]] Result<std::vector<std::string>> keys(std::string_view prefix = {},
                                                      const CallOptions& options = {}) const {
    check_lists();
    return Store::keys(prefix, options);
  }
  [[nodiscard]] Result<std::uint64_t> size(const CallOptions& options = {}) const {
    check_lists();
    return Store::size(options);
  }
  [[nodiscard]] Result<std::uint64_t> clear(const CallOptions& options = {}) const {
    check_lists();
    return Store::clear(options);
  }
  [[nodiscard]] detail::Later<std::vector<std::string>, StoreOver> keys_async(
      std::string_view prefix = {}, const CallOptions& options = {}) const {
    check_lists();
    return Store::keys_async(prefix, options);
  }

  /// @}
  /// Store::collection(), over the same backend.
  [[nodiscard]] Result<StoreOver> collection(std::string_view name,
                                             const CollectionOptions& options = {}) const {
    auto made = Store::collection(name, options);
    return made ? Result<StoreOver>(*std::move(made)) : made.error();
  }

 private:
  static constexpr void check_lists() noexcept {
    static_assert(traits.lists,
                  "locum: the backend of this store does not list the names that it keeps, which keys, size "
                  "and clear need; keep the names yourself, or take a backend that lists (docs/backends.md)");
  }
};

}  // namespace locum
