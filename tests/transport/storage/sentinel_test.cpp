// Servers of Redis that are found by a real sentinel. Who is the primary is said to it and to the servers
// here: what a sentinel does of its own takes it seconds.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

/// A sentinel of the group "planets", two servers of it, and no replication yet: the first is the primary.
class Sentinel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!TestServer::program(ServerKind::redis)) {
      GTEST_SKIP() << "redis-server is not installed";
    }
    for (auto* server : {&first_, &second_}) {
      *server = std::make_unique<TestServer>(ServerKind::redis, true);
    }
    sentinel_ = started("");
  }
  [[nodiscard]] std::unique_ptr<TestServer> started(const std::string& settings) {
    const std::string file = folder_.path() + "/sentinel" + std::to_string(++files_);
    std::ofstream(file) << "sentinel monitor planets 127.0.0.1 " << first_->port()
                        << " 1\nsentinel down-after-milliseconds planets 600000\n"
                        << settings;
    return std::make_unique<TestServer>(ServerKind::redis, true,
                                        std::vector<std::string>{file, "--sentinel"});
  }
  [[nodiscard]] std::string url(const std::string& options = {}) const {
    return "redis:" + sentinel_->path() + "?sentinel=planets" + options;
  }
  /// From now on the sentinel names that server. It reads both requests at once, and so does nobody find it
  /// without the group.
  void name(const TestServer& server) {
    EXPECT_EQ(ask_server(sentinel_->path(), "SENTINEL REMOVE planets\r\nSENTINEL MONITOR planets 127.0.0.1 " +
                                                std::to_string(server.port()) + " 1"),
              "+OK");
  }
  /// Asks until the server answers so.
  static void await_answer(const TestServer& server, const std::string& request, const std::string& answer) {
    const auto end = Clock::now() + 20s;
    while (ask_server(server.path(), request) != answer) {
      ASSERT_LT(Clock::now(), end) << request;
      std::this_thread::sleep_for(5ms);
    }
  }
  static void expect_refused(const std::string& at, Errc code, const std::string& part) {
    const auto before = Clock::now();
    const auto refused = open(at, {.timeout = 20s});
    EXPECT_LT(Clock::now() - before, 10s) << at;
    ASSERT_EQ(code_of(refused), code) << at;
    EXPECT_NE(std::string(refused.error().what()).find(part), std::string::npos) << refused.error();
  }

  TemporaryFolder folder_;
  int files_ = 0;
  std::unique_ptr<TestServer> first_;
  std::unique_ptr<TestServer> second_;
  std::unique_ptr<TestServer> sentinel_;
};

TEST_F(Sentinel, LeadsToThePrimaryAndToTheNextOne) {
  const Store store = open(url("&sentinels=127.0.0.1:1"), {.timeout = 20s}).value();
  ASSERT_TRUE(store.put("a", 1));
  EXPECT_EQ(*open(first_->url()).value().get<int>("a").value(), 1);

  // The first one follows the second, and the sentinel does not know it yet.
  ASSERT_EQ(ask_server(first_->path(), "REPLICAOF 127.0.0.1 " + std::to_string(second_->port())), "+OK");
  const auto refused = store.put("b", 2, {.deadline = 5s});
  ASSERT_EQ(code_of(refused), Errc::peer_lost);
  EXPECT_NE(refused.error().text().find("no primary now"), std::string::npos) << refused.error();
  const auto before = Clock::now();
  const auto nobody = store.put("b", 2, {.deadline = 200ms});
  EXPECT_TRUE(code_of(nobody) == Errc::peer_lost || code_of(nobody) == Errc::timeout) << "nobody is";
  EXPECT_LT(Clock::now() - before, 10s);
  std::thread waits([&] {
    const auto put = store.put("b", 2);
    EXPECT_TRUE(put) << "there is one before its deadline: " << (put ? "" : put.error().what());
  });
  name(*second_);
  waits.join();
  EXPECT_EQ(*open(second_->url()).value().get<int>("b").value(), 2);

  second_->stop();
  const auto lost = store.get<int>("b", {.deadline = 200ms});
  EXPECT_TRUE(code_of(lost) == Errc::peer_lost || code_of(lost) == Errc::timeout);
  std::thread reads([&] { EXPECT_EQ(code_of(store.get<int>("c")), Errc::not_found); });
  ASSERT_EQ(ask_server(first_->path(), "REPLICAOF NO ONE"), "+OK");
  name(*first_);
  reads.join();
  EXPECT_TRUE(store.put("c", 3));
}

TEST_F(Sentinel, IsOneOfSeveral) {
  const std::string port = std::to_string(sentinel_->port());
  EXPECT_TRUE(open("redis://127.0.0.1:1/2?sentinel=planets&sentinels=127.0.0.1:2,127.0.0.1:" + port,
                   {.timeout = 20s}));
  expect_refused("redis://127.0.0.1:1?sentinel=planets&sentinels=127.0.0.1:2", Errc::peer_lost, "reached");
  expect_refused("redis:" + sentinel_->path() + "?sentinel=stars", Errc::invalid_argument, "'stars'");
  expect_refused("redis:" + first_->path() + "?sentinel=planets", Errc::invalid_argument, "as a sentinel");
  for (const char* options : {"sentinels=h:1", "sentinel_password=env:HOME", "sentinel=s&sentinels=me@h",
                              "sentinel=s&sentinels=h:1,,h:2", "sentinel=s&sentinels=h/1"}) {
    EXPECT_EQ(code_of(open_backend("redis://h?" + std::string(options))), Errc::invalid_argument) << options;
  }
}

TEST_F(Sentinel, HasAPasswordOfItsOwn) {
  sentinel_ = started("requirepass open-sesame\n");
  ::setenv("LOCUM_TEST_SECRET", "open-sesame", 1);
  EXPECT_TRUE(open(url("&sentinel_password=env:LOCUM_TEST_SECRET"), {.timeout = 20s}));
  expect_refused(url(), Errc::invalid_argument, "sentinel_password=env:NAME");
  ::setenv("LOCUM_TEST_SECRET", "open-house", 1);
  expect_refused(url("&sentinel_password=env:LOCUM_TEST_SECRET"), Errc::invalid_argument, "does not admit");
}

TEST_F(Sentinel, FindsTheNextPrimaryItself) {
  if (std::getenv("LOCUM_FAILOVERS") == nullptr) {
    GTEST_SKIP() << "takes seconds: tests/long failovers";
  }
  ASSERT_EQ(ask_server(first_->path(), "CONFIG SET repl-diskless-sync-delay 0"), "+OK");
  ASSERT_EQ(ask_server(second_->path(), "REPLICAOF 127.0.0.1 " + std::to_string(first_->port())), "+OK");
  ASSERT_EQ(ask_server(first_->path(), "WAIT 1 20000"), ":1");
  sentinel_ = started("sentinel down-after-milliseconds planets 300\n");
  await_answer(*sentinel_, "SENTINEL REPLICAS planets", "*1");
  // Of a put on its way at the end of its server nothing is known, unless it is found later.
  const Store store = open("retry+" + url(), {.timeout = 60s}).value();
  ASSERT_TRUE(store.put("before", 1));
  await_answer(*second_, "EXISTS default:before", ":1");
  first_->stop();
  const auto before = Clock::now();
  const auto put = store.put("after", 2);
  ASSERT_TRUE(put) << put.error();
  const std::chrono::duration<double> took = Clock::now() - before;
  std::cout << "a put that outlasts a failover took " << took.count() << " s\n";
  const Store second = open(second_->url()).value();
  EXPECT_EQ(*second.get<int>("before").value(), 1);
  EXPECT_EQ(*second.get<int>("after").value(), 2);
}

}  // namespace
}  // namespace locum::tests
