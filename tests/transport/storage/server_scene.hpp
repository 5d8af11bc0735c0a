#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tests/transport/storage/fault_proxy.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {

inline constexpr std::chrono::seconds long_enough{60};
/// What a call may take beyond its deadline on a machine that has much else to do.
inline constexpr std::chrono::seconds beyond{10};

inline std::string text_in(const LoadedRecord& record) {
  return {reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()};
}

inline Result<void> store_text(Backend& to, const RecordKey& key, std::string_view text,
                               std::uint64_t revision, Deadline deadline, Expect expect = Expect::anything,
                               std::uint64_t expected = 0) {
  NewRecord record;
  record.bytes = std::as_bytes(std::span(text));
  record.revision = revision;
  record.expect = expect;
  record.expected_revision = expected;
  return to.store(key, record, deadline);
}

/// A server behind a proxy. Each test has its own proxy, and an empty server.
class Servers : public ::testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override {
    if (!TestServer::program(GetParam())) {
      GTEST_SKIP() << "the server is not installed";
    }
    server_ = &shared_server(GetParam());
    server_->clear();
    proxy_ = std::make_unique<FaultProxy>(server_->folder() + "/proxy", server_->path());
    direct_ = server_->backend();
    backend_ = open_backend(proxied()).value();
  }
  [[nodiscard]] bool is_redis() const { return GetParam() == ServerKind::redis; }
  [[nodiscard]] std::string proxied() const {
    return (is_redis() ? "redis:" : "memcached:") + proxy_->path();
  }
  /// Opens the connections anew: those that are idle have met no fault yet.
  void anew() { backend_ = open_backend(proxied()).value(); }

  TestServer* server_ = nullptr;
  std::unique_ptr<FaultProxy> proxy_;
  std::shared_ptr<Backend> direct_;
  std::shared_ptr<Backend> backend_;
};

}  // namespace locum::tests
