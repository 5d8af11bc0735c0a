// What URLs lead to: the backends of this library (backend_list.hpp), and those of programs, which are found
// in the registry of core.

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/backend_registry.hpp"
#include "transport/storage/backend_list.hpp"
#include "transport/storage/fork_guard.hpp"
#include "transport/storage/memory/memory.hpp"
#include "transport/storage/memory/traits.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/known_wrappers.hpp"

namespace locum {

namespace storage {

const KnownBackend* known_backend(std::string_view scheme) {
  const auto& all = known_backends();
  const auto found =
      std::ranges::find(all, scheme, [](const KnownBackend& one) { return one.traits.scheme; });
  return found == all.end() ? nullptr : &*found;
}

Error not_in_build(std::string_view name, std::string_view option, std::string_view package) {
  return Error(Errc::unsupported,
               std::string(name) + ": is not in this build of the library; build it with -D" +
                   std::string(option) + "=ON, which needs the package " + std::string(package));
}

}  // namespace storage

namespace {

bool reserve_own_schemes() {
  std::vector<std::string> all;
  for (const storage::KnownBackend& one : storage::known_backends()) {
    all.emplace_back(one.traits.scheme);
  }
  detail::reserve_schemes(all);
  return true;
}

// Before main(), so that a program learns it when it registers one of them.
[[maybe_unused]] const bool are_own_schemes_reserved = reserve_own_schemes();

Error unknown_scheme(std::string_view scheme) {
  std::string all;
  const auto add = [&](std::string_view one) {
    all += all.empty() ? "" : ", ";
    all += one;
  };
  for (const storage::KnownBackend& one : storage::known_backends()) {
    add(one.traits.scheme);
  }
  for (const std::string& one : registered_schemes()) {
    add(one);
  }
  return Error(Errc::unsupported, "no backend has the scheme '" + std::string(scheme) + "'; there are " +
                                      all + "; a program's own is registered by LOCUM_REGISTER_BACKEND");
}

Result<std::shared_ptr<Backend>> open_bare(const Url& url) {
  if (const storage::KnownBackend* const known = storage::known_backend(url.scheme)) {
    return known->open ? known->open(url) : storage::not_in_build(url.scheme, known->option, known->package);
  }
  const BackendOpener own = find_backend(url.scheme);
  return own ? own(url) : unknown_scheme(url.scheme);
}

Result<Session> open_url(Url url, const BackendSessionOptions& options, std::shared_ptr<Metrics> metrics) {
  if (auto guarded = storage::guard_forks(); !guarded) {
    return guarded.error();
  }
  if (url.scheme == backends::memory.scheme && url.wrappers.empty()) {
    return storage::open_memory_session(url, options, std::move(metrics));
  }
  auto backend = storage::open_wrapped(std::move(url), open_bare);
  return backend ? open_session(std::move(*backend), options, std::move(metrics)) : backend.error();
}

/// Ends a backend, but not in a process that was forked from the one that opened it: there its destructor
/// would close the parent's files, or wait for threads that do not exist.
struct EndInOpener {
  std::shared_ptr<Backend> backend;
  storage::ForkGuard guard;

  void operator()(Backend* /*unused*/) {
    if (guard.in_child()) {
      static_cast<void>(new (std::nothrow) std::shared_ptr<Backend>(backend));
    }
    backend.reset();
  }
};

}  // namespace

Result<std::shared_ptr<Backend>> open_backend(std::string_view text) {
  if (auto guarded = storage::guard_forks(); !guarded) {
    return guarded.error();
  }
  const auto url = parse_url(text);
  auto opened = url ? storage::open_wrapped(*url, open_bare) : url.error();
  if (!opened) {
    return opened;
  }
  Backend* const backend = opened->get();
  return std::shared_ptr<Backend>(backend, EndInOpener{std::move(*opened), storage::ForkGuard()});
}

Result<Session> open_session(std::string_view text, const BackendSessionOptions& options,
                             std::shared_ptr<Metrics> metrics) {
  auto url = parse_url(text);
  return url ? open_url(std::move(*url), options, std::move(metrics)) : url.error();
}

Result<Store> open(std::string_view text, const BackendSessionOptions& options) {
  auto url = parse_url(text);
  if (!url) {
    return url.error();
  }
  const std::string_view named = url->option("store");
  const std::string store(named.empty() ? "default" : named);
  std::erase_if(url->options, [](const auto& option) { return option.first == "store"; });
  const auto session = open_url(std::move(*url), options, {});
  return session ? session->open(store) : session.error();
}

std::vector<BackendDescription> backend_descriptions() {
  const auto& all = storage::known_backends();
  return {all.begin(), all.end()};
}

}  // namespace locum
