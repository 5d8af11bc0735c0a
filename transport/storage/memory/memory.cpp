#include "transport/storage/memory/memory.hpp"

#include <utility>

#include "core/node/local.hpp"
#include "transport/storage/memory/traits.hpp"

namespace locum::storage {

Result<std::shared_ptr<Backend>> open_memory(const Url& /*url*/) {
  return Error(Errc::unsupported,
               "memory: is no backend of records: nothing can be put over it; use simple: instead");
}

Result<Session> open_memory_session(const Url& url, const BackendSessionOptions& options,
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

}  // namespace locum::storage
