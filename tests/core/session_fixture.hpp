#pragma once

#include <memory>
#include <utility>

#include "core/node/local.hpp"
#include "core/store.hpp"

namespace locum::tests {

/// A session of one process over a new local connector, with an open store.
class SessionFixture {
 public:
  explicit SessionFixture(LocalOptions local = {}, SessionOptions options = {})
      : connector(open_local(local)),
        metrics(std::make_shared<Metrics>()),
        session(std::make_shared<Session>(connector, metrics, std::move(options))) {
    session->announce();
  }

  [[nodiscard]] Store store(std::string_view name = "fields") const { return session->open(name).value(); }
  [[nodiscard]] std::uint64_t reads(Path path) const {
    return metrics->reads[static_cast<std::size_t>(path)].operations;
  }
  [[nodiscard]] std::uint64_t read_bytes(Path path) const {
    return metrics->reads[static_cast<std::size_t>(path)].bytes;
  }
  [[nodiscard]] std::uint64_t writes(Path path) const {
    return metrics->writes[static_cast<std::size_t>(path)].operations;
  }

  std::shared_ptr<Connector> connector;
  std::shared_ptr<Metrics> metrics;
  std::shared_ptr<Session> session;
};

}  // namespace locum::tests
