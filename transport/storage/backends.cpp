// What URLs lead to: the backends of this library, and whether this build has them. Those of programs are
// found in the registry of core; ours stand here, because a linker drops from a static library what only
// registers itself.

#include "transport/storage/backends.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "core/backend_registry.hpp"
#include "core/node/local.hpp"
#include "transport/storage/file/backend.hpp"
#include "transport/storage/fork_guard.hpp"
#include "transport/storage/hdf5/backend.hpp"
#include "transport/storage/memcached/backend.hpp"
#include "transport/storage/multi.hpp"
#include "transport/storage/null.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/pack/backend.hpp"
#include "transport/storage/redis/backend.hpp"
#include "transport/storage/rocksdb/backend.hpp"
#include "transport/storage/simple.hpp"
#include "transport/storage/wrappers/known_wrappers.hpp"

namespace locum {

namespace {

using Opener = Result<std::shared_ptr<Backend>> (*)(const Url& url);

struct Known {
  BackendTraits traits;
  Opener open = nullptr;  ///< null: not in this build, or not a backend
  std::string_view option;
  std::string_view package;
  std::string_view url;
  Stability stability = Stability::stable;
  bool has_batches = false;
};

#if LOCUM_WITH_ROCKSDB
constexpr Opener open_rocksdb = storage::open_rocksdb;
#else
constexpr Opener open_rocksdb = nullptr;
#endif
#if LOCUM_WITH_TLS
constexpr Opener open_redis_secured = storage::open_redis;
constexpr Opener open_memcached_secured = storage::open_memcached;
#else
constexpr Opener open_redis_secured = nullptr;
constexpr Opener open_memcached_secured = nullptr;
#endif
#if LOCUM_WITH_HDF5
constexpr Opener open_hdf5 = storage::open_hdf5;
#else
constexpr Opener open_hdf5 = nullptr;
#endif

const std::vector<Known>& known_backends() {
  using enum Stability;
  static const std::vector<Known> known{
      {backends::file, storage::open_file, {}, {}, "file:///scratch/run17"},
      {backends::hdf5, open_hdf5, "LOCUM_WITH_HDF5", "libhdf5-dev", "hdf5:///scratch/results.h5", preview,
       true},
      {backends::memcached, storage::open_memcached, {}, {}, "memcached://127.0.0.1:11211", stable, true},
      {backends::memcacheds, open_memcached_secured, "LOCUM_WITH_TLS", "libssl-dev",
       "memcacheds://127.0.0.1:11211", preview, true},
      {backends::memory, nullptr, {}, {}, "memory:"},
      {backends::multi, storage::open_multi, {}, {}, "multi:?1.to=URL&1.most_bytes=65536&2.to=URL"},
      {backends::null, storage::open_null, {}, {}, "null:"},
      {backends::redis, storage::open_redis, {}, {}, "redis://127.0.0.1:6379/0", stable, true},
      {backends::rediss, open_redis_secured, "LOCUM_WITH_TLS", "libssl-dev", "rediss://127.0.0.1:6379/0",
       preview, true},
      {backends::pack, storage::open_pack_backend, {}, {}, "pack:///scratch/run17.pack", stable, true},
      {backends::rocksdb, open_rocksdb, "LOCUM_WITH_ROCKSDB", "librocksdb-dev", "rocksdb:///scratch/db",
       stable, true},
      {backends::simple, storage::open_simple, {}, {}, "simple:"},
      {backends::valkey, storage::open_redis, {}, {}, "valkey://127.0.0.1:6379/0", preview, true},
      {backends::valkeys, open_redis_secured, "LOCUM_WITH_TLS", "libssl-dev", "valkeys://127.0.0.1:6379/0",
       preview, true},
  };
  return known;
}

Error unknown_scheme(std::string_view scheme) {
  std::string all;
  const auto add = [&](std::string_view one) {
    all += all.empty() ? "" : ", ";
    all += one;
  };
  for (const Known& one : known_backends()) {
    add(one.traits.scheme);
  }
  for (const std::string& one : registered_schemes()) {
    add(one);
  }
  return Error(Errc::unsupported, "no backend has the scheme '" + std::string(scheme) + "'; there are " +
                                      all + "; a program's own is registered by LOCUM_REGISTER_BACKEND");
}

Result<std::shared_ptr<Backend>> open_bare(const Url& url) {
  const auto& known = known_backends();
  const auto found = std::ranges::find(known, url.scheme, [](const Known& one) { return one.traits.scheme; });
  if (found == known.end()) {
    const BackendOpener own = find_backend(url.scheme);
    return own ? own(url) : unknown_scheme(url.scheme);
  }
  if (url.scheme == backends::memory.scheme) {
    return Error(Errc::unsupported,
                 "memory: is no backend of records: nothing can be put over it; use simple: instead");
  }
  if (found->open == nullptr) {
    return Error(Errc::unsupported, url.scheme + ": is not in this build of the library; build it with -D" +
                                        std::string(found->option) + "=ON, which needs the package " +
                                        std::string(found->package));
  }
  return found->open(url);
}

Result<Session> open_memory(const Url& url, const BackendSessionOptions& options,
                            std::shared_ptr<Metrics> metrics) {
  const auto known = url.knows_only({"bytes"});
  const auto bytes = url.number("bytes", 0);
  const auto has_all = meets(backends::memory, options.needs);
  if (!known || !bytes || !has_all) {
    return !known ? known.error() : !bytes ? bytes.error() : has_all.error();
  }
  SessionOptions session_options{.rank = options.rank, .node = options.node, .traits = backends::memory};
  session_options.options.timeout = options.timeout;
  session_options.options.decoded_cache_bytes = options.decoded_cache_bytes;
  Session session(open_local({.memory_bytes = *bytes, .timeout = options.timeout}),
                  metrics ? std::move(metrics) : std::make_shared<Metrics>(), std::move(session_options));
  session.announce();
  return session;
}

Result<Session> open_url(Url url, const BackendSessionOptions& options, std::shared_ptr<Metrics> metrics) {
  if (auto guarded = storage::guard_forks(); !guarded) {
    return guarded.error();
  }
  if (url.scheme == backends::memory.scheme && url.wrappers.empty()) {
    return open_memory(url, options, std::move(metrics));
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
  std::vector<BackendDescription> all;
  for (const Known& one : known_backends()) {
    all.push_back({one.traits, one.open != nullptr || one.traits.scheme == backends::memory.scheme,
                   one.option, one.package, one.url, one.stability, one.has_batches});
  }
  return all;
}

}  // namespace locum
