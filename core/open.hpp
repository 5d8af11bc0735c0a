#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <locum/backend_session.hpp>
#include <locum/options.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

/// Stores by URL, with or without MPI. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

/// A store over the backend of a URL: `locum::open("redis://127.0.0.1:6379/0").value()`. The URL's option
/// `store` names the store, otherwise it is "default". `invalid_argument` for a URL that is none, or with an
/// option that the backend does not have; `unsupported` for an unknown scheme (the error lists those that
/// there are), for a backend that this build lacks (it names the CMake option and the package), and if the
/// backend lacks what is needed; and the errors of Session::open(). Blocks while the backend does. Any
/// thread.
[[nodiscard]] Result<Store> open(std::string_view url, const BackendSessionOptions& options = {});
/// The same for several stores: `Session session = locum::open_session("file:///scratch/run17").value();`
[[nodiscard]] Result<Session> open_session(std::string_view url, const BackendSessionOptions& options = {},
                                           std::shared_ptr<Metrics> metrics = {});

/// A backend that this library has: what it can do, and whether this build has it.
struct BackendDescription {
  BackendTraits traits{};
  bool is_built_in = false;
  std::string_view option;   ///< of CMake, that builds it in; empty: it always is
  std::string_view package;  ///< of Debian 12 and Ubuntu 24.04, that it needs; empty: none
  std::string_view url;      ///< an example
};
/// All of them.
[[nodiscard]] std::vector<BackendDescription> backend_descriptions();

}  // namespace locum
