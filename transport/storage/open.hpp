#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/backend_session.hpp>
#include <locum/call_options.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

/// Stores by URL, with or without MPI. Link `locum::serial` (no MPI) or `locum::locum`.
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

/// Opens a store over the backend of a URL: `locum::open("redis://127.0.0.1:6379/0").value()`. The URL's
/// option `store` names the store, otherwise it is "default". `invalid_argument` for a malformed URL, or an
/// option that the backend lacks; `unsupported` for an unknown scheme (the error lists the known ones), for a
/// backend that this build lacks (it names the CMake option and the package), and if the backend lacks an
/// ability in `options.needs`; and the errors of Session::open(). Blocks while the backend does. Any thread
/// may call.
[[nodiscard]] Result<Store> open(std::string_view url, const BackendSessionOptions& options = {});
/// \cond library
/// Returns `needs`, and all abilities of a backend with these traits, except its limits and reading in place.
[[nodiscard]] constexpr BackendNeeds with_all_of(const BackendTraits& traits, BackendNeeds needs) noexcept {
  needs.lists = needs.lists || traits.lists;
  needs.is_atomic = needs.is_atomic || traits.is_atomic;
  needs.expires = needs.expires || traits.expires;
  needs.pushes = needs.pushes || traits.pushes;
  needs.is_durable = needs.is_durable || traits.is_durable;
  needs.shared_by = needs.shared_by < traits.shared_by ? traits.shared_by : needs.shared_by;
  return needs;
}
/// \endcond
/// Opens a store with traits that the program names: `open<locum::backends::memcached>(url)`. Calls that need
/// an ability which these traits lack do not compile (see StoreOver). `unsupported` if the URL's backend
/// lacks an ability of these traits. Limits of names and sizes, and `in_place`, are not compared.
template <const BackendTraits& traits>
[[nodiscard]] Result<StoreOver<traits>> open(std::string_view url, BackendSessionOptions options = {}) {
  options.needs = with_all_of(traits, options.needs);
  auto store = open(url, options);
  return store ? Result<StoreOver<traits>>(*std::move(store)) : store.error();
}
/// Opens a session, for several stores:
/// `Session session = locum::open_session("file:///scratch/run17").value();`
[[nodiscard]] Result<Session> open_session(std::string_view url, const BackendSessionOptions& options = {},
                                           std::shared_ptr<Metrics> metrics = {});

/// Opens the backend of a URL with its wrappers, for more wrappers (wrappers.hpp) and for open_session().
/// `unsupported` for `memory:`, which is no Backend; else the errors of open(). Any thread may call.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_backend(std::string_view url);

/// Maturity of a backend.
enum class Stability : std::uint8_t {
  stable,   ///< later versions find the stored objects, which survive the deaths that its page lists
  preview,  ///< it passes the tests; its page gives a reason to try it before anything depends on it
};

/// A backend of this library: its abilities, and whether this build has it.
struct BackendDescription {
  BackendTraits traits{};
  bool is_built_in = false;
  std::string_view option;   ///< of CMake, that builds it in; empty: always built in
  std::string_view package;  ///< of Debian 12 and Ubuntu 24.04, that it needs; empty: none
  std::string_view url;      ///< an example
  Stability stability = Stability::stable;
  bool has_batches = false;  ///< it takes many calls at once (RecordBatches); else each is made by a thread
};
/// Returns the descriptions of all backends.
[[nodiscard]] std::vector<BackendDescription> backend_descriptions();

}  // namespace locum
