// Servers that are spoken to over TLS, by certificates that are made here.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/fault_proxy.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "tests/transport/storage/tls_server.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

std::string kept_text(const Store& store) {
  const auto view = store.get<std::string>("text").value();
  return *view;
}

/// A server of Redis that speaks TLS on one port, and does not on another one.
class TlsServers : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(certificates().are_made()) << "openssl (package openssl) makes no certificates";
    if (!TestServer::program(ServerKind::redis)) {
      GTEST_SKIP() << "redis-server is not installed";
    }
    secured_ = &shared_tls_server(ServerKind::redis);
    server_ = &secured_->server();
    server_->clear();
  }
  [[nodiscard]] static std::string file(const std::string& name) { return certificates().path(name); }
  [[nodiscard]] std::string url(const std::string& options, const std::string& scheme = "rediss") const {
    return scheme + "://127.0.0.1:" + std::to_string(secured_->port()) + "/0?" + options;
  }
  [[nodiscard]] static std::string trusted() { return "ca=" + file("ca.pem"); }
  /// It is, with that code, in which that part of a sentence is, and within time.
  static void expect_refused(const std::string& at, Errc code, const std::string& part) {
    const auto before = Clock::now();
    const auto refused = open(at, {.timeout = code == Errc::timeout ? 200ms : 20'000ms});
    EXPECT_LT(Clock::now() - before, 10s) << at;
    ASSERT_EQ(code_of(refused), code) << at << '\n' << (refused ? "" : refused.error().what());
    EXPECT_NE(std::string(refused.error().what()).find(part), std::string::npos) << refused.error();
  }

  TlsServer* secured_ = nullptr;
  TestServer* server_ = nullptr;
};

TEST_F(TlsServers, KeepWhatTheyAreGiven) {
  const std::string text(3'000'000, 't');
  for (const std::string& at : {url(trusted()), url(trusted() + "&server_name=redis.test", "valkeys")}) {
    const Store store = open(at, {.timeout = 20s}).value();
    ASSERT_TRUE(store.replace("text", text)) << at;
    const Store many = store.collection(at.substr(0, 6)).value();
    std::map<std::string, int> values;
    std::vector<std::string> names;
    for (int number = 0; number < 600; ++number) {
      names.push_back("n" + std::to_string(number));
      values[names.back()] = number;
    }
    for (const auto& put : many.put_batch(values)) {
      ASSERT_TRUE(put) << put.error();
    }
    const auto found = many.get_batch<int>(names);
    for (int number = 0; number < 600; ++number) {
      EXPECT_EQ(*found[static_cast<std::size_t>(number)].value(), number);
    }
    EXPECT_EQ(kept_text(store), text);
    EXPECT_EQ(many.clear().value(), 600U);
  }
  const Store plain = open(server_->url()).value();
  EXPECT_EQ(kept_text(plain), text) << "the bytes are the same";
  // What comes unasked, between replies, finds who waits for it.
  const Store waiting = open(url(trusted()), {.timeout = 20s}).value();
  std::thread later([&] { EXPECT_TRUE(plain.put("awaited", 7)); });
  EXPECT_EQ(*waiting.wait<int>("awaited", 20s).value(), 7);
  later.join();
}

TEST_F(TlsServers, AreRefusedIfTheyAreNotWhoTheyShouldBe) {
  expect_refused(url("ca=" + file("other.pem")), Errc::invalid_argument, "ca=PATH");
  expect_refused(url("connections=1"), Errc::invalid_argument, "ca=PATH");
  expect_refused(url(trusted() + "&server_name=other.test"), Errc::invalid_argument, "'other.test'");
  expect_refused(url(trusted() + "&server_name=127.0.0.2"), Errc::invalid_argument, "'127.0.0.2'");
  expect_refused("rediss:" + server_->path() + "?server_name=redis.test&" + trusted(), Errc::timeout,
                 "expects TLS");
  const std::string plain_port = std::to_string(server_->port());
  expect_refused("rediss://127.0.0.1:" + plain_port + "?" + trusted(), Errc::timeout, "expects TLS");
  expect_refused("redis://127.0.0.1:" + std::to_string(secured_->port()), Errc::peer_lost, "expects TLS");
}

TEST_F(TlsServers, MayWantACertificate) {
  const auto admits = [&](const char* who) {
    EXPECT_EQ(ask_server(server_->path(), std::string("CONFIG SET tls-auth-clients ") + who), "+OK");
  };
  const auto with = [&](const std::string& name) {
    return url(trusted() + "&cert=" + file(name + ".pem") + "&key=" + file(name + ".key"));
  };
  admits("yes");
  EXPECT_TRUE(open(with("client"), {.timeout = 20s}));
  // The server's reason may be overtaken by its end of the connection.
  for (const std::string& at : {url(trusted()), with("other")}) {
    const auto refused = open(at, {.timeout = 20s});
    const std::string why = refused ? "" : refused.error().what();
    EXPECT_TRUE(code_of(refused) == Errc::invalid_argument || code_of(refused) == Errc::peer_lost)
        << at << ": " << why;
    EXPECT_NE(why.find("cert=PATH"), std::string::npos) << at << ": " << why;
  }
  admits("no");
}

TEST_F(TlsServers, NeedFilesThatCanBeRead) {
  for (const std::string& options : std::vector<std::string>{
           "ca=" + file("nobody"), "ca=" + file("ca.key"), trusted() + "&cert=" + file("client.pem"),
           trusted() + "&cert=" + file("client.key") + "&key=" + file("client.key"),
           trusted() + "&cert=" + file("client.pem") + "&key=" + file("nobody"),
           trusted() + "&cert=" + file("client.pem") + "&key=" + file("other.key")}) {
    expect_refused(url(options), Errc::invalid_argument, "rediss: ");
  }
  expect_refused(url("colour=red"), Errc::invalid_argument, "server_name");
  expect_refused("redis://127.0.0.1?" + trusted(), Errc::invalid_argument, "no option 'ca'");
  expect_refused("rediss:/run/socket", Errc::invalid_argument, "server_name=NAME");
  expect_refused(url(trusted() + "&key=-----BEGIN PRIVATE KEY-----"), Errc::invalid_argument,
                 "has a password");
}

TEST_F(TlsServers, EndTheirCallsByTheDeadlineAndAreConnectedAgain) {
  FaultProxy proxy(server_->folder() + "/proxy", std::to_string(secured_->port()));
  const std::string at = "rediss:" + proxy.path() + "?server_name=redis.test&" + trusted();
  const std::string text(40'000, 't');
  const Store store = open(at, {.timeout = 20s}).value();
  ASSERT_TRUE(store.put("text", text));
  for (const std::int64_t bytes : {0, 3, 5, 700, 16'000, 39'000}) {
    proxy.set({.cut_after = bytes, .cuts = 1});
    const auto found = store.get<std::string>("text");
    ASSERT_TRUE(found) << found.error() << " after " << bytes;
    const std::string& kept = **found;
    EXPECT_EQ(kept, text);
    EXPECT_EQ(proxy.cuts(), 1);
  }
  for (const Faults& faults :
       {Faults{.silent_after = 0}, Faults{.silent_after = 100}, Faults{.drip = 10ms}}) {
    for (const bool is_new : {false, true}) {  // within the handshake, or behind it
      proxy.set(is_new ? faults : Faults{});
      const auto used = is_new ? open(at, {.timeout = 100ms}) : Result<Store>(store);
      proxy.set(faults);
      const auto before = Clock::now();
      EXPECT_EQ(is_new ? code_of(used) : code_of(used->get<std::string>("text", {.deadline = 50ms})),
                Errc::timeout);
      EXPECT_LT(Clock::now() - before, 10s);
    }
  }
  proxy.set({.garbage_seed = 7});
  EXPECT_FALSE(store.get<std::string>("text", {.deadline = 5s}));
  EXPECT_EQ(code_of(open(at, {.timeout = 5s})), Errc::invalid_argument);
  proxy.set({});
  EXPECT_EQ(kept_text(store), text);
}

TEST_F(TlsServers, MayBeMemcached) {
  if (!TestServer::program(ServerKind::memcached)) {
    GTEST_SKIP() << "memcached is not installed";
  }
  const TlsServer& own = shared_tls_server(ServerKind::memcached);
  clear_server(own.url());
  const std::string at = "memcacheds://127.0.0.1:" + std::to_string(own.port()) + '?';
  const Store store = open(at + trusted(), {.timeout = 20s}).value();
  const std::string text(100'000, 't');
  ASSERT_TRUE(store.put("text", text));
  EXPECT_EQ(kept_text(store), text);
  expect_refused(at + "ca=" + file("other.pem"), Errc::invalid_argument, "ca=PATH");
}

// Memcached looks for a request only when its socket has bytes; what is left of a record of TLS, behind the
// value that it waited for, it has read from there before.
TEST_F(TlsServers, OfMemcachedAnswerBatchesOfAnySize) {
  if (!TestServer::program(ServerKind::memcached)) {
    GTEST_SKIP() << "memcached is not installed";
  }
  const TlsServer& own = shared_tls_server(ServerKind::memcached);
  clear_server(own.url());
  const Store store =
      open("memcacheds://127.0.0.1:" + std::to_string(own.port()) + '?' + trusted(), {.timeout = 20s})
          .value();
  int round = 0;
  for (const std::size_t size : {3'000U, 16'000U, 16'384U, 20'000U, 32'000U, 40'000U}) {
    for (const std::size_t others : {1U, 20U, 60U}) {
      std::vector<std::pair<std::string, std::string>> values{
          {"large" + std::to_string(++round), std::string(size, 'l')}};
      for (std::size_t at = 0; at < others; ++at) {
        values.emplace_back("small" + std::to_string(round) + '.' + std::to_string(at),
                            std::string(100 + 7 * at, 's'));
      }
      for (const auto& key : store.put_batch(values)) {
        ASSERT_TRUE(key) << size << ' ' << others << ' ' << key.error();
      }
      std::vector<std::string> names;
      for (const auto& [name, value] : values) {
        names.push_back(name);
      }
      const auto found = store.get_batch<std::string>(names);
      for (std::size_t at = 0; at < names.size(); ++at) {
        ASSERT_TRUE(found[at]) << found[at].error();
        EXPECT_EQ(**found[at], values[at].second);
      }
    }
  }
}

}  // namespace
}  // namespace locum::tests
