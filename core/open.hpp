#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/backend_needs.hpp>
#include <locum/backend_session.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>
#include <locum/store_over.hpp>

/// Stores by URL, with or without MPI. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

/// A store over the backend of a URL: `locum::open("redis://127.0.0.1:6379/0").value()`. The URL's option
/// `store` names the store, otherwise it is "default". `invalid_argument` for a URL that is none, or with an
/// option that the backend does not have; `unsupported` for an unknown scheme (the error lists those that
/// there are), for a backend that this build lacks (it names the CMake option and the package), and if the
/// backend lacks what is needed; and the errors of Session::open(). Blocks while the backend does. Any
/// thread.
[[nodiscard]] Result<Store> open(std::string_view url, const BackendSessionOptions& options = {});
/// \cond library
/// Those needs, and all that a backend with these traits can do, but for its limits and for reading in place.
[[nodiscard]] constexpr BackendNeeds with_all_of(const BackendTraits& traits, BackendNeeds needs) noexcept {
  needs.lists = needs.lists || traits.lists;
  needs.is_atomic = needs.is_atomic || traits.is_atomic;
  needs.expires = needs.expires || traits.expires;
  needs.pushes = needs.pushes || traits.pushes;
  needs.is_durable = needs.is_durable || traits.is_durable;
  needs.shared_by = std::max(needs.shared_by, traits.shared_by);
  return needs;
}
/// \endcond
/// The same, with traits that the program names: `open<locum::backends::memcached>(url)`. What they say that
/// a backend cannot do does not compile (see StoreOver). A URL that leads to a backend which lacks what they
/// say that it can do is refused: `unsupported`. Limits of names and sizes, and `in_place`, are not compared.
template <const BackendTraits& traits>
[[nodiscard]] Result<StoreOver<traits>> open(std::string_view url, BackendSessionOptions options = {}) {
  options.needs = with_all_of(traits, options.needs);
  auto store = open(url, options);
  return store ? Result<StoreOver<traits>>(*std::move(store)) : store.error();
}
/// The same for several stores: `Session session = locum::open_session("file:///scratch/run17").value();`
[[nodiscard]] Result<Session> open_session(std::string_view url, const BackendSessionOptions& options = {},
                                           std::shared_ptr<Metrics> metrics = {});

/// The backend of a URL, with its wrappers, and no store over it: to put wrappers over it (wrappers.hpp), and
/// for open_session(). `unsupported` for `memory:`, which is no Backend; else the errors of open(). Any
/// thread.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_backend(std::string_view url);

/// How far a backend can be relied on.
enum class Stability : std::uint8_t {
  stable,   ///< what is stored is found by later versions, and survives the deaths that its page says
  preview,  ///< it passes the tests; there is a reason on its page to try it before anything depends on it
};

/// A backend that this library has: what it can do, and whether this build has it.
struct BackendDescription {
  BackendTraits traits{};
  bool is_built_in = false;
  std::string_view option;   ///< of CMake, that builds it in; empty: it always is
  std::string_view package;  ///< of Debian 12 and Ubuntu 24.04, that it needs; empty: none
  std::string_view url;      ///< an example
  Stability stability = Stability::stable;
  bool has_batches = false;  ///< it takes many calls at once (RecordBatches); else each is made by a thread
};
/// All of them.
[[nodiscard]] std::vector<BackendDescription> backend_descriptions();

}  // namespace locum
