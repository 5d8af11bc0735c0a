#include "core/backend_session.hpp"

#include <utility>

#include "core/backend/backend_connector.hpp"
#include "core/metrics.hpp"

namespace locum {

Result<void> meets(const BackendTraits& traits, const BackendNeeds& needs) {
  const auto refused = [&](const char* what) {
    return Error(Errc::unsupported,
                 std::string(traits.scheme) + ": " + what +
                     ", which this program needs; docs/backends.md has a table of those that do");
  };
  if (needs.lists && !traits.lists) {
    return refused("cannot list the names that it keeps");
  }
  if (needs.is_atomic && !traits.is_atomic) {
    return refused("does not decide between two puts of one name");
  }
  if (needs.expires && !traits.expires) {
    return refused("does not remove what has expired");
  }
  if (needs.pushes && !traits.pushes) {
    return refused("does not wake who waits");
  }
  if (needs.is_durable && !traits.is_durable) {
    return refused("forgets everything when the process ends");
  }
  if (needs.no_default && !traits.default_name.empty()) {
    return Error(
        Errc::unsupported,
        std::string(traits.scheme) +
            ": shows a default in place of what is not there, which this program cannot do with; open "
            "it without the wrapper default");
  }
  if (needs.shared_by > traits.shared_by) {
    return refused(needs.shared_by == SharedBy::hosts ? "is not shared between hosts"
                                                      : "is not shared between processes");
  }
  if (needs.largest_value > traits.largest_record) {
    return refused("does not hold values of that size");
  }
  return {};
}

Result<Session> open_session(std::shared_ptr<Backend> backend, const BackendSessionOptions& options,
                             std::shared_ptr<Metrics> metrics) {
  if (options.timeout <= options.timeout.zero() || options.most_threads == 0) {
    return Error(Errc::invalid_argument, "timeout and most_threads have to be more than 0");
  }
  if (auto has_all = meets(backend->traits(), options.needs); !has_all) {
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
      .incarnation = opened->incarnation, .rank = options.rank, .node = options.node};
  session_options.options.timeout = options.timeout;
  session_options.options.decoded_cache_bytes = options.decoded_cache_bytes;
  Session session(std::move(opened->connector), std::move(metrics), std::move(session_options));
  session.announce();
  return session;
}

Result<Store> open_store(const Session& session, std::string_view name, StoreOptions options) {
  const bool is_over_backend = !options.connector.empty();
  options.connector = {};
  return is_over_backend && options == StoreOptions() ? session.open(name) : session.open(name, options);
}

}  // namespace locum
