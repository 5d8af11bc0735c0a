// Backends over servers, and what they do when the server or the way to it fails.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/open_sessions.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/fault_proxy.hpp"
#include "tests/transport/storage/next_process.hpp"
#include "tests/transport/storage/server_scene.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/redis/connection.hpp"

namespace locum::tests {
namespace {

using Clock = Deadline::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string name_of_server(const ::testing::TestParamInfo<ServerKind>& info) {
  return info.param == ServerKind::redis ? "redis" : "memcached";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Servers, ::testing::Values(ServerKind::redis, ServerKind::memcached),
                         name_of_server);

TEST_P(Servers, LoadOnceMoreWhenTheConnectionBreaks) {
  const std::string text(20'000, 't');
  ASSERT_TRUE(store_text(*direct_, {"s", "a"}, text, 5, long_enough));
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const auto after = static_cast<std::int64_t>(random() % 20'000);
    proxy_->set({.cut_after = after, .cuts = 1});
    const auto found = backend_->load({"s", "a"}, whole_record, long_enough);
    ASSERT_TRUE(found) << found.error() << " after " << after;
    EXPECT_TRUE(text_in(*found) == text);
    EXPECT_EQ(proxy_->cuts(), 1);
  }
  proxy_->set({.cut_after = 3});
  EXPECT_EQ(code_of(backend_->load({"s", "a"}, whole_record, long_enough)), Errc::peer_lost);
  EXPECT_EQ(proxy_->cuts(), 2);
}

TEST_P(Servers, FindOutWhetherAStoreWasMade) {
  proxy_->set({.cut_after = 0, .cuts = 1});
  EXPECT_TRUE(store_text(*backend_, {"s", "a"}, "1", 11, long_enough));
  EXPECT_EQ(proxy_->cuts(), 1);
  proxy_->set({.cut_after = 2, .cuts = 1});
  EXPECT_TRUE(store_text(*backend_, {"s", "b"}, "2", 12, long_enough, Expect::absent));
  EXPECT_EQ(proxy_->cuts(), 1);
  const auto now = direct_->load({"s", "a"}, whole_record, long_enough).value();
  ASSERT_TRUE(store_text(*backend_, {"s", "b"}, "3", 13, long_enough, Expect::revision, 12));
  // Memcached is asked for the record first: that reply comes.
  const std::string item =
      is_redis() ? ""
                 : ask_server(server_->path(), "gets s:a") + "\r\n" + std::string(25, 'x') + "\r\nEND\r\n";
  const auto before = static_cast<std::int64_t>(item.size());
  proxy_->set({.cut_after = before, .cuts = 1});
  EXPECT_TRUE(store_text(*backend_, {"s", "a"}, "4", 14, long_enough, Expect::revision, now.revision));
  EXPECT_EQ(proxy_->cuts(), 1);
  EXPECT_EQ(text_in(direct_->load({"s", "a"}, whole_record, long_enough).value()), "4");

  // Of a removal nothing would tell whether it was this one.
  proxy_->set({.cut_after = 0, .cuts = 1});
  const auto removed = backend_->remove({"s", "a"}, 0, long_enough);
  ASSERT_EQ(code_of(removed), Errc::peer_lost);
  EXPECT_NE(removed.error().text().find("may or may not"), std::string::npos) << removed.error();
  proxy_->set({.cut_after = 0});
  const auto never = store_text(*backend_, {"s", "c"}, "5", 15, long_enough);
  ASSERT_EQ(code_of(never), Errc::peer_lost);
  EXPECT_NE(never.error().text().find("may or may not"), std::string::npos) << never.error();
}

TEST_P(Servers, EndTheirCallsByTheDeadline) {
  ASSERT_TRUE(store_text(*direct_, {"s", "a"}, std::string(5000, 'a'), 5, long_enough));
  std::vector<std::string> names;
  std::vector<RecordKey> keys;
  for (int at = 0; at < 1000; ++at) {
    names.push_back("n" + std::to_string(at));
  }
  for (const std::string& name : names) {
    keys.push_back({"s", name});
  }
  constexpr milliseconds limit{50};
  const std::vector<Faults> all{
      {.silent_after = 0}, {.silent_after = 40}, {.drip = milliseconds(10)}, {.delay = seconds(100)}};
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto in_time = [&](const char* what, Errc code, const auto& call) {
      anew();
      proxy_->set(all[at]);
      const auto before = Clock::now();
      EXPECT_EQ(call(Deadline(before + limit)), code) << what << " with fault " << at;
      EXPECT_LT(Clock::now() - before, limit + beyond) << what << " with fault " << at;
    };
    in_time("load", Errc::timeout, [&](Deadline deadline) {
      return code_of(backend_->load({"s", "a"}, whole_record, deadline));
    });
    if (at == 1 || at == 2) {
      continue;  // the other replies are short, and come
    }
    in_time("store", Errc::timeout, [&](Deadline deadline) {
      return code_of(store_text(*backend_, {"s", "b"}, "b", 1, deadline));
    });
    in_time("remove", Errc::timeout, [&](Deadline deadline) {
      return code_of(backend_->remove({"s", "b"}, 3, deadline));
    });
    in_time("list", is_redis() ? Errc::timeout : Errc::unsupported,
            [&](Deadline deadline) { return code_of(backend_->list("s", {}, deadline)); });
    in_time("await", Errc{}, [&](Deadline deadline) {
      backend_->await({"s", "b"}, deadline);
      return Errc{};
    });
    in_time("many", Errc::timeout, [&](Deadline deadline) {
      std::vector<Result<LoadedRecord>> loaded(keys.size(), Result<LoadedRecord>(no_such_object()));
      backend_->batches()->load(keys, whole_record, loaded, deadline);
      std::vector<Result<bool>> removed(keys.size(), Result<bool>(false));
      backend_->batches()->remove(keys, removed, deadline);
      return code_of(loaded.back()) == code_of(removed.back()) ? code_of(loaded.front()) : Errc{};
    });
  }
}

TEST_P(Servers, TakeNoGarbageForAValue) {
  const std::string text = "right";
  const std::vector<std::string> replies{"\r\n",
                                         "\n",
                                         "$5\r\nabc",
                                         "$5\r\nabcdefghij",
                                         "$-7\r\n",
                                         "$99999999999999999999\r\n",
                                         "$1073741825\r\n",
                                         ":x\r\n",
                                         ":1 2\r\n",
                                         "*-5\r\n",
                                         "*1000000000\r\n",
                                         "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
                                         ">1\r\n",
                                         "%1\r\n+a\r\n+b\r\n",
                                         "-\r\n",
                                         "+OK\r\n+OK\r\n",
                                         "!\r\n",
                                         "VALUE\r\n",
                                         "VALUE s:a 0 99999999999 1\r\n",
                                         "VALUE s:a 0 3 1\r\nabcdEND\r\n",
                                         "VALUE s:a 0 -1 1\r\n",
                                         "VALUE s:a 0 3 1 9\r\nabc\r\nEND\r\n",
                                         "SERVER_ERROR\r\n",
                                         "CLIENT_ERROR\r\n",
                                         "ERROR\r\n",
                                         "HTTP/1.1 400 Bad Request\r\n\r\n",
                                         std::string(100'000, 'x')};
  const std::size_t seeds = 10;
  for (std::size_t at = 0; at < replies.size() + seeds; ++at) {
    const milliseconds limit{15};  // what is no whole reply is waited for
    ASSERT_TRUE(store_text(*direct_, {"s", "a"}, text, 5, long_enough));
    Faults faults;
    if (at < replies.size()) {
      faults.reply = replies[at];
    } else {
      faults.garbage_seed = at;
    }
    proxy_->set(faults);
    const auto found = backend_->load({"s", "a"}, whole_record, limit);
    EXPECT_FALSE(found) << at << ": " << text_in(*found);
    EXPECT_FALSE(backend_->load({"s", "a"}, 1, limit)) << at;
    EXPECT_FALSE(store_text(*backend_, {"s", "b"}, "b", 6, limit, Expect::revision, 5)) << at;
    EXPECT_FALSE(backend_->list("s", {}, limit)) << at;
  }
  proxy_->set({});
  EXPECT_EQ(text_in(backend_->load({"s", "a"}, whole_record, long_enough).value()), text);
}

TEST_P(Servers, AreRepeatedInErrorsWithoutHarm) {
  proxy_->set(
      {.reply = (is_redis() ? "-ERR " : "SERVER_ERROR ") + ("\x1B[31m" + std::string(50'000, 'x')) + "\r\n"});
  const auto refused = backend_->load({"s", "a"}, whole_record, long_enough);
  ASSERT_EQ(code_of(refused), Errc::system);
  const std::string text = refused.error().what();
  EXPECT_NE(text.find("?[31mxxx"), std::string::npos) << text.substr(0, 1000);
  EXPECT_LT(text.size(), 1000U);
}

TEST_P(Servers, TakeSoManyConnections) {
  proxy_->set({.reply = is_redis() ? "-ERR max number of clients reached\r\n"
                                   : "ERROR Too many open connections\r\n"});
  const auto loaded = backend_->load({"s", "a"}, whole_record, long_enough);
  ASSERT_EQ(code_of(loaded), Errc::peer_lost);
  EXPECT_NE(loaded.error().text().find("takes no more connections"), std::string::npos) << loaded.error();
  EXPECT_EQ(code_of(store_text(*backend_, {"s", "a"}, "a", 1, long_enough)), Errc::peer_lost);
  EXPECT_EQ(code_of(backend_->remove({"s", "a"}, 0, long_enough)), Errc::peer_lost);
}

TEST_P(Servers, AreNotTakenForGoneWithoutDescriptors) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int next = ::dup(STDIN_FILENO);
  ::close(next);
  const rlimit none_left{static_cast<rlim_t>(next), limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  const auto refused = backend_->load({"s", "a"}, whole_record, long_enough);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_EQ(code_of(refused), Errc::system);
  EXPECT_NE(refused.error().text().find("ulimit -n"), std::string::npos) << refused.error();
  EXPECT_EQ(code_of(backend_->load({"s", "a"}, whole_record, long_enough)), Errc::not_found);
}

TEST_P(Servers, AreConnectedAgainWhenTheyStartAgain) {
  TestServer own(GetParam());
  const auto backend = own.backend();
  ASSERT_TRUE(store_text(*backend, {"s", "a"}, "1", 1, long_enough));
  ASSERT_TRUE(store_text(*backend, {"s", "a"}, "2", 2, long_enough, Expect::revision, 1));
  own.stop();
  const auto before = Clock::now();
  const auto gone = backend->load({"s", "a"}, whole_record, long_enough);
  EXPECT_EQ(code_of(gone), Errc::peer_lost);
  EXPECT_EQ(code_of(store_text(*backend, {"s", "a"}, "3", 3, long_enough)), Errc::peer_lost);
  EXPECT_LT(Clock::now() - before, beyond) << "a server that is not there is known at once";
  own.start();
  EXPECT_EQ(code_of(backend->load({"s", "a"}, whole_record, long_enough)), Errc::not_found);
  ASSERT_TRUE(store_text(*backend, {"s", "a"}, "4", 4, long_enough));
  EXPECT_TRUE(store_text(*backend, {"s", "a"}, "5", 5, long_enough, Expect::revision, 4))
      << "the server knows no script any more";
}

TEST_P(Servers, MayStartAgainWhileTheyAreUsed) {
  TestServer own(GetParam());
  const auto backend = own.backend();
  std::atomic<int> stored{0};
  std::atomic<int> lost{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> all;
  for (int mine = 0; mine < 3; ++mine) {
    all.emplace_back([&, mine] {
      for (std::uint64_t round = 1; !done; ++round) {
        const auto result = store_text(*backend, {"s", std::to_string(mine)}, "x", round, long_enough);
        EXPECT_TRUE(result || code_of(result) == Errc::peer_lost) << result.error();
        (result ? stored : lost) += 1;
      }
    });
  }
  const auto reaches = [end = Clock::now() + long_enough](const std::atomic<int>& count, int wanted) {
    while (count < wanted && Clock::now() < end) {
      std::this_thread::yield();
    }
    return count >= wanted;
  };
  EXPECT_TRUE(reaches(stored, 10));
  own.stop();
  EXPECT_TRUE(reaches(lost, 10));
  own.start();
  EXPECT_TRUE(reaches(stored, stored + 10)) << "they are connected again";
  done = true;
  for (std::thread& one : all) {
    one.join();
  }
}

TEST_P(Servers, AnswerManyAtOnce) {
  const auto url = is_redis() ? "redis:" : "memcached:";
  const Store direct = open(url + server_->path()).value();
  std::vector<std::string> names;
  for (int at = 0; at < 100; ++at) {
    names.push_back("n" + std::to_string(at));
    (void)direct.put(names.back(), at).value();
  }
  const Store delayed = open(proxied()).value();
  proxy_->set({.delay = milliseconds(100)});
  const auto before = Clock::now();
  const auto futures = delayed.get_async<int>(names);
  for (int at = 0; at < 100; ++at) {
    EXPECT_EQ(*futures[static_cast<std::size_t>(at)].get().value(), at);
  }
  const std::chrono::duration<double> gets = Clock::now() - before;
  for (const auto& gone : delayed.evict_batch(names)) {
    EXPECT_TRUE(gone.value());
  }
  const std::chrono::duration<double> took = Clock::now() - before;
  EXPECT_LT(took, seconds(10)) << "one by one they take 20 s";
  std::cout << "100 gets of 100 ms each took " << gets.count() << " s, and 100 evictions "
            << (took - gets).count() << " s\n";
  EXPECT_FALSE(direct.exists(names[7]).value());
  const Store step = direct.collection("step").value();
  ASSERT_TRUE(step.put("T", 1));
  EXPECT_EQ(code_of(step.clear()), is_redis() ? Errc{} : Errc::unsupported) << "the other one lists nothing";
  EXPECT_EQ(step.exists("T").value(), !is_redis());
}

TEST_P(Servers, AnswerManyWaitsAtOnce) {
  const Store direct = open((is_redis() ? "redis:" : "memcached:") + server_->path()).value();
  const Store delayed = open(proxied()).value();
  std::vector<std::string> names;
  for (int at = 0; at < 100; ++at) {
    names.push_back("n" + std::to_string(at));
    (void)direct.put(names.back(), at).value();
  }
  proxy_->set({.delay = milliseconds(100)});
  const auto before = Clock::now();
  std::vector<Future<int>> waits;
  for (const std::string& name : names) {
    waits.push_back(delayed.wait_async<int>(name, seconds(60)));
  }
  for (int at = 0; at < 100; ++at) {
    EXPECT_EQ(*waits[static_cast<std::size_t>(at)].get().value(), at);
  }
  const std::chrono::duration<double> took = Clock::now() - before;
  EXPECT_LT(took, seconds(10)) << "one by one they take 20 s";
  std::cout << "100 waits for what is there, of 100 ms each, took " << took.count() << " s\n";
}

TEST_P(Servers, ShareFewConnections) {
  const auto few = open_backend(proxied() + "?connections=2").value();
  std::vector<std::thread> all;
  for (int mine = 0; mine < 8; ++mine) {
    all.emplace_back([&, mine] {
      for (int round = 0; round < 20; ++round) {
        const std::string name = std::to_string(mine);
        EXPECT_TRUE(store_text(*few, {"s", name}, name, 1, long_enough));
        EXPECT_EQ(text_in(few->load({"s", name}, whole_record, long_enough).value()), name);
      }
    });
  }
  for (std::thread& one : all) {
    one.join();
  }
  EXPECT_LE(proxy_->connections(), 2);
  EXPECT_EQ(code_of(open_backend(proxied() + "?connections=0")), Errc::invalid_argument);
}

TEST_P(Servers, RemoveWhatHasExpired) {
  NewRecord record;
  record.revision = 3;
  record.lifetime = milliseconds(200);
  ASSERT_TRUE(direct_->store({"s", "a"}, record, long_enough));
  record.expect = Expect::revision;
  record.expected_revision = 3;
  ASSERT_TRUE(direct_->store({"s", "a"}, record, long_enough)) << "it is there at first";
  const auto end = Clock::now() + long_enough;
  while (direct_->load({"s", "a"}, whole_record, long_enough)) {
    ASSERT_LT(Clock::now(), end);
    std::this_thread::sleep_for(milliseconds(10));
  }
  record.expect = Expect::absent;
  record.lifetime = std::chrono::hours(24 * 100);
  ASSERT_TRUE(direct_->store({"s", "a"}, record, long_enough));
  EXPECT_TRUE(direct_->load({"s", "a"}, whole_record, long_enough));
  record.expect = Expect::anything;
  for (const milliseconds longest : {milliseconds(std::chrono::hours(24 * 365 * 100)), milliseconds::max()}) {
    record.lifetime = longest;
    ASSERT_TRUE(direct_->store({"s", "a"}, record, long_enough)) << longest.count();
    EXPECT_TRUE(direct_->load({"s", "a"}, whole_record, long_enough)) << longest.count();
  }
}

TEST_P(Servers, KeepObjectsForOtherSessions) {
  Handle handle;
  const Key unnamed = [&] {
    const Store store = open(server_->url()).value();
    handle = store.put_proxy("name", std::string("value")).value().handle();
    return store.put(42).value();
  }();
  const Store again = open(server_->url()).value();
  const auto proxy = locum::proxy<std::string>(handle);
  EXPECT_EQ(*proxy, "value") << "its key leads to its name";
  EXPECT_EQ(*again.get<int>(unnamed).value(), 42);
  const auto view = again.get<std::string>("name").value();
  EXPECT_EQ(*view, "value");
  EXPECT_EQ(code_of(again.put("name", std::string("other"))), Errc::key_exists);
  EXPECT_TRUE(again.evict("name").value());
  EXPECT_EQ(code_of(again.get<std::string>("name")), Errc::not_found);
}

TEST_P(Servers, ResolveTheHandlesOfAnEarlierProcess) {
  expect_handles_in_the_next_process(server_->url());
}

std::string code_and_text(const Result<Store>& result) {
  return result ? "a store" : result.error().what();
}

class RedisServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!TestServer::program(ServerKind::redis)) {
      GTEST_SKIP() << "redis-server is not installed";
    }
  }
};

TEST_F(RedisServer, AdmitsUsersByTheirPasswords) {
  TestServer server(ServerKind::redis, true);
  ASSERT_EQ(ask_server(server.path(), "ACL SETUSER me on >open-sesame ~* +@all"), "+OK");
  ASSERT_EQ(ask_server(server.path(), "ACL SETUSER guest on >open-sesame ~other:* +@all"), "+OK");
  ASSERT_EQ(ask_server(server.path(), "CONFIG SET requirepass open-house"), "+OK");
  ::setenv("LOCUM_TEST_SECRET", "open-sesame", 1);
  ::setenv("LOCUM_TEST_OTHER", "open-house", 1);
  const std::string port = std::to_string(server.port());
  const auto at = [&](const std::string& user, const std::string& variable) {
    return "redis://" + user + "127.0.0.1:" + port + "/2" +
           (variable.empty() ? "" : "?password=env:" + variable);
  };
  const Store store = open(at("me@", "LOCUM_TEST_SECRET")).value();
  ASSERT_TRUE(store.put("a", 1));
  EXPECT_EQ(*open(at("", "LOCUM_TEST_OTHER")).value().get<int>("a").value(), 1) << "the default user's";
  EXPECT_EQ(*open("redis://me@" + server.path() + "?db=2&password=env:LOCUM_TEST_SECRET")
                 .value()
                 .get<int>("a")
                 .value(),
            1);
  for (const auto& [user, variable] :
       std::vector<std::pair<std::string, std::string>>{{"me@", "LOCUM_TEST_OTHER"},
                                                        {"nobody@", "LOCUM_TEST_SECRET"},
                                                        {"", "LOCUM_TEST_SECRET"},
                                                        {"", ""},
                                                        {"me@", ""},
                                                        {"guest@", "LOCUM_TEST_SECRET"}}) {
    const auto refused = open(at(user, variable));
    ASSERT_EQ(code_of(refused), Errc::invalid_argument) << user << variable;
    EXPECT_EQ(std::string(refused.error().what()).find("open-"), std::string::npos) << refused.error();
  }
  EXPECT_EQ(code_of(open(at("me@", "LOCUM_TEST_NO_SUCH_VARIABLE"))), Errc::not_found);
  // A server that knows no AUTH repeats what it was given.
  FaultProxy proxy(server.folder() + "/proxy", server.path());
  proxy.set({.reply = "-ERR unknown command 'AUTH', with args beginning with: 'me' 'open-sesame'\r\n"});
  const auto refused = open("redis://me@" + proxy.path() + "?password=env:LOCUM_TEST_SECRET");
  ASSERT_EQ(code_of(refused), Errc::invalid_argument);
  EXPECT_EQ(std::string(refused.error().what()).find("open-"), std::string::npos) << refused.error();
}

TEST_F(RedisServer, MayHaveNoMoreConnections) {
  TestServer& server = shared_server(ServerKind::redis);
  server.clear();
  FaultProxy proxy(server.folder() + "/proxy", server.path());
  const std::string url = "redis:" + proxy.path();
  const auto backend = open_backend(url).value();
  proxy.set({.reply = "-ERR max number of clients reached\r\n"});
  ::setenv("LOCUM_TEST_SECRET", "open-sesame", 1);
  for (const auto& refused : {code_and_text(open(url)), code_and_text(open(url + "?db=1")),
                              code_and_text(open(url + "?sentinel=planets")),
                              code_and_text(open(url + "?password=env:LOCUM_TEST_SECRET"))}) {
    EXPECT_NE(refused.find("peer_lost"), std::string::npos) << refused;
    EXPECT_NE(refused.find("maxclients"), std::string::npos) << refused;
  }
  backend->await({"s", "a"}, milliseconds(300));
  proxy.set({});
  const auto before = Clock::now();
  backend->await({"s", "a"}, milliseconds(300));
  EXPECT_GE(Clock::now() - before, milliseconds(300)) << "it tells of changes, although it did not then";
}

TEST_F(RedisServer, KeepsWhatOtherProgramsReadAndWrite) {
  TestServer& server = shared_server(ServerKind::redis);
  server.clear();
  const Store store = open(server.url() + "?store=fields").value();
  (void)store.put("mine", std::string("payload first")).value();
  const auto backend = server.backend();
  auto connection = storage::RedisConnection::open(
      {.place = storage::find_server(parse_url(server.url()).value(), 1).value(), .user = {}, .password = {}},
      false, long_enough);
  const auto value = connection->ask({"GET", "fields:mine"}, long_enough).value();
  EXPECT_NE(value.text().find("payload first"), std::string_view::npos);
  EXPECT_LT(value.text().find("payload first"), 16U) << "a string has its length before it";

  ASSERT_EQ(ask_server(server.path(), "SET fields:theirs plain"), "+OK");
  const auto theirs = store.get<std::byte[]>("theirs").value();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(theirs.data()), theirs.size()), "plain");
  auto record = backend->load({"fields", "theirs"}, 1, long_enough).value();
  EXPECT_EQ(record.revision, backend->load({"fields", "theirs"}, whole_record, long_enough)->revision);
  EXPECT_EQ(code_of(store_text(*backend, {"fields", "theirs"}, "x", 9, long_enough, Expect::revision,
                               record.revision + 1)),
            Errc::stale);
  EXPECT_TRUE(
      store_text(*backend, {"fields", "theirs"}, "x", 9, long_enough, Expect::revision, record.revision));
  EXPECT_EQ(backend->load({"fields", "theirs"}, whole_record, long_enough)->revision, 9U);
  ASSERT_EQ(ask_server(server.path(), "SET fields:theirs again"), "+OK");
  record = backend->load({"fields", "theirs"}, whole_record, long_enough).value();
  EXPECT_FALSE(backend->remove({"fields", "theirs"}, 9, long_enough).value());
  EXPECT_TRUE(backend->remove({"fields", "theirs"}, record.revision, long_enough).value());

  ASSERT_EQ(ask_server(server.path(), "LPUSH fields:list a"), ":1");
  EXPECT_EQ(code_of(backend->load({"fields", "list"}, whole_record, long_enough)), Errc::type_mismatch);
  EXPECT_EQ(code_of(backend->load({"fields", "list"}, 1, long_enough)), Errc::type_mismatch);
}

TEST_F(RedisServer, TellsSpacesWithColonsAndStarsApart) {
  TestServer& server = shared_server(ServerKind::redis);
  server.clear();
  const auto backend = server.backend();
  const std::vector<std::pair<std::string, std::string>> all{{"a:b", "c"}, {"a", "b:c"}, {"a%3Ab", "c"},
                                                             {"a*", "x"},  {"ab", "x"},  {"[ab]", "x"},
                                                             {"a?", "x"},  {"\\a", "x"}};
  for (const auto& [space, name] : all) {
    ASSERT_TRUE(store_text(*backend, {space, name}, space, 1, long_enough, Expect::absent)) << space;
  }
  for (const auto& [space, name] : all) {
    EXPECT_EQ(backend->list(space, {}, long_enough).value(), std::vector<std::string>{name}) << space;
    EXPECT_EQ(backend->drop(space, long_enough).value(), 1U) << space;
  }
}

TEST_F(RedisServer, WakesWhoAwaitsWhatAnybodyStores) {
  TestServer& server = shared_server(ServerKind::redis);
  server.clear();
  const auto backend = server.backend();
  const auto before = Clock::now();
  backend->await({"s", "a"}, milliseconds(300));
  EXPECT_GE(Clock::now() - before, milliseconds(300)) << "it sleeps, and does not ask again and again";
  std::thread waiter([&] {
    const auto end = Clock::now() + long_enough;
    while (code_of(backend->load({"s", "a"}, whole_record, long_enough)) == Errc::not_found &&
           Clock::now() < end) {
      backend->await({"s", "a"}, long_enough);
    }
  });
  ASSERT_EQ(ask_server(server.path(), "SET s:a other"), "+OK");
  waiter.join();
  EXPECT_TRUE(backend->load({"s", "a"}, whole_record, long_enough));
  backend->await({"s", "a"}, long_enough);

  ASSERT_EQ(ask_server(server.path(), "ACL SETUSER watcher on nopass ~* +@all -exists"), "+OK");
  const auto refused = open_backend("redis://watcher@" + server.path()).value();
  const auto before_refusals = Clock::now();
  for (int time = 0; time < 3; ++time) {
    refused->await({"s", "b"}, milliseconds(300));
  }
  EXPECT_GE(Clock::now() - before_refusals, milliseconds(60)) << "callers would ask again without a pause";
  EXPECT_EQ(ask_server(server.path(), "ACL DELUSER watcher"), ":1");
}

// Not the server of this machine that has the usual port, and the same socket after chdir().
TEST_F(RedisServer, IsAtASocketOfTheFolderInWhichItIsOpened) {
  TestServer server(ServerKind::redis);
  const std::string name = std::filesystem::path(server.path()).filename().string();
  const Ending ending = in_child([&] {
    EXPECT_EQ(::chdir(server.folder().c_str()), 0);
    const auto backend = open_backend("redis:" + name).value();
    const auto nested = open("stats+redis:./" + name).value();
    EXPECT_EQ(::chdir("/"), 0);
    EXPECT_TRUE(store_text(*backend, {"s", "a"}, "1", 1, long_enough));
    EXPECT_TRUE(nested.put("b", 1));
    const auto elsewhere = open("redis:" + name);
    return elsewhere ? std::string("it is somebody else's")
                     : std::string(to_string(elsewhere.error().code()));
  });
  EXPECT_EQ(ending.said, "peer_lost");
  EXPECT_EQ(ending.exit_code, 0);
  EXPECT_EQ(ask_server(server.path(), "EXISTS s:a"), ":1");
  for (const char* scheme : {"redis", "valkey", "memcached"}) {
    const std::string url = std::string(scheme) + ":no/such/socket";
    EXPECT_EQ(code_of(open(url)), Errc::peer_lost) << url;
    EXPECT_EQ(code_of(open("multi:?1.to=" + url)), Errc::peer_lost) << url;
  }
}

TEST_F(RedisServer, SaysWhatIsWrongWithItsUrl) {
  for (const char* wrong : {"redis://h/x", "redis://h/1?db=2", "redis:/s?db=x", "redis:/s?colour=red",
                            "memcached://me@h", "memcached://h/1", "memcached:/s?largest=5"}) {
    EXPECT_EQ(code_of(open_backend(wrong)), Errc::invalid_argument) << wrong;
  }
  EXPECT_EQ(code_of(open_backend("redis:/" + std::string(200, 'x'))), Errc::invalid_argument);
  for (const char* wrong : {"redis://:1/0", "redis://run/redis.sock", "memcached://:1/run/socket"}) {
    EXPECT_EQ(code_of(open_backend(wrong)), Errc::invalid_argument) << wrong;
  }
  EXPECT_EQ(code_of(open("redis:/no/such/socket")), Errc::peer_lost);
  EXPECT_EQ(code_of(open("memcached:/no/such/socket")), Errc::peer_lost);
}

}  // namespace
}  // namespace locum::tests
