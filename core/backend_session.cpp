#include "core/backend_session.hpp"

#include <utility>

#include "core/backend/backend_connector.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/metrics.hpp"

namespace locum {

Result<Session> open_session(std::shared_ptr<Backend> backend, const BackendSessionOptions& options,
                             std::shared_ptr<Metrics> metrics) {
  if (options.timeout <= options.timeout.zero() || options.most_threads == 0) {
    return Error(Errc::invalid_argument, "timeout and most_threads have to be more than 0");
  }
  const BackendTraits& traits = backend->traits();
  if (auto has_all = meets(traits, options.needs); !has_all) {
    return has_all.error();
  }
  if (!metrics) {
    metrics = std::make_shared<Metrics>();
  }
  auto opened = open_backend_connector(std::move(backend), {.timeout = options.timeout,
                                                            .most_threads = options.most_threads,
                                                            .prefetch_bytes = options.prefetch_bytes,
                                                            .metrics = metrics});
  if (!opened) {
    return opened.error();
  }
  SessionOptions session_options{
      .incarnation = opened->incarnation, .rank = options.rank, .node = options.node, .traits = traits};
  session_options.options.timeout = options.timeout;
  session_options.options.decoded_cache_bytes = options.decoded_cache_bytes;
  Session session(std::move(opened->connector), std::move(metrics), std::move(session_options));
  session.announce();
  return session;
}

Result<Store> open_store(const Session& session, std::string_view name, StoreOptions options) {
  if (auto has_all = meets(session.options().traits, options.needs); !has_all) {
    return has_all.error().about(name);
  }
  const bool is_over_backend = !options.connector.empty();
  const bool needs_some = options.needs != BackendNeeds();
  options.connector = {};
  options.needs = {};
  return (is_over_backend || needs_some) && options == StoreOptions() ? session.open(name)
                                                                      : session.open(name, options);
}

}  // namespace locum
