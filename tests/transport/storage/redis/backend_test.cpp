// The backend over Redis before a server that answers by hand: what it asks for, and what it believes.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/backend.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/redis/scripted_server.hpp"
#include "tests/transport/storage/server_scene.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/servers/stored_value.hpp"

namespace locum::tests::redis_backend_test {
namespace {

using namespace std::chrono_literals;
using Request = ScriptedServer::Request;
using Answer = ScriptedServer::Answer;
using enum ScriptedServer::Answer::Then;
using Names = std::vector<std::string>;

std::string value(const std::string& bytes, std::uint64_t revision) {
  return ScriptedServer::text(bytes + std::string(storage::ValueEnd{bytes.size(), revision}.bytes()));
}

/// A page of a list: the cursor of the next one, and names.
std::string page(const std::string& cursor, const Names& names) {
  std::string reply = "*2\r\n" + ScriptedServer::text(cursor) + "*" + std::to_string(names.size()) + "\r\n";
  for (const std::string& name : names) {
    reply += ScriptedServer::text(name);
  }
  return reply;
}

class RedisBackend : public ::testing::Test {
 protected:
  [[nodiscard]] Errc load_code() { return code_of(backend_->load({"s", "a"}, whole_record, long_enough)); }
  [[nodiscard]] Result<void> store(std::uint64_t revision, Expect expect = Expect::anything) {
    return store_text(*backend_, {"s", "a"}, "text", revision, long_enough, expect, 7);
  }

  const TemporaryFolder folder_;
  ScriptedServer server_{folder_.path() + "/server"};
  const std::shared_ptr<Backend> backend_ = open_backend("redis:" + server_.path()).value();
};

// What was cut may have been carried out: a second request would be refused, or replace what another stored.
TEST_F(RedisBackend, SendsAChangeOnceAndLooksForItWhereTheReplyIsCut) {
  const auto cut = [](std::uint64_t stored) {
    return [stored](const Request& request) {
      return request.words[0] == "GETRANGE" ? Answer{value("", stored)}
             : request.words[0] == "EXISTS" ? Answer{":1\r\n"}
                                            : Answer{"+O", closes};
    };
  };
  server_.set(cut(11));
  EXPECT_TRUE(store(11, Expect::absent));
  EXPECT_EQ(server_.requests(), (Names{"SET", "GETRANGE", "EXISTS"}));
  server_.set(cut(12));
  const auto another = store(11, Expect::absent);
  ASSERT_EQ(code_of(another), Errc::peer_lost);
  EXPECT_NE(another.error().text().find("may or may not"), std::string::npos) << another.error();
  EXPECT_EQ(server_.requests(), (Names{"SET", "GETRANGE", "EXISTS"}));
  server_.set([](const Request&) { return Answer{":", closes}; });
  EXPECT_EQ(code_of(backend_->remove({"s", "a"}, 0, long_enough)), Errc::peer_lost);
  EXPECT_EQ(server_.requests(), Names{"UNLINK"});
}

TEST_F(RedisBackend, AsksOnceMoreForThoseOfABatchWhoseRepliesWereCut) {
  const std::array<RecordKey, 3> keys{RecordKey{"s", "a"}, {"s", "b"}, {"s", "c"}};
  std::vector<Result<LoadedRecord>> loaded(keys.size(), Result<LoadedRecord>(no_such_object()));
  const auto cut_at = [](int first, int second) {
    return [=](const Request& request) {
      const std::string whole = value("of " + request.words[1], 1);
      const bool is_cut = request.number == first || request.number == second;
      return is_cut ? Answer{whole.substr(0, whole.size() - 9), closes} : Answer{whole};
    };
  };
  server_.set(cut_at(1, -1));
  backend_->batches()->load(keys, whole_record, loaded, long_enough);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    ASSERT_TRUE(loaded[at]) << loaded[at].error();
    EXPECT_EQ(text_in(*loaded[at]), "of s:" + std::string(keys[at].name));
  }
  EXPECT_EQ(server_.requests().size(), 4U) << "the connection was closed before the third was answered";
  server_.set(cut_at(1, 2));
  backend_->batches()->load(keys, whole_record, loaded, long_enough);
  EXPECT_TRUE(loaded[0]);
  EXPECT_EQ(code_of(loaded[1]), Errc::peer_lost);
  EXPECT_EQ(code_of(loaded[2]), Errc::peer_lost);
}

TEST_F(RedisBackend, TakesNoLateReplyForThatOfTheNextRequest) {
  server_.set([first = -1](const Request& request) mutable {
    if (request.number == 0) {
      first = request.connection;
      return Answer{};
    }
    return Answer{request.connection == first ? value("late", 1) + value("right", 2) : value("right", 2)};
  });
  EXPECT_EQ(code_of(backend_->load({"s", "a"}, whole_record, 20ms)), Errc::timeout);
  const auto found = backend_->load({"s", "a"}, whole_record, long_enough);
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(text_in(*found), "right");
}

TEST_F(RedisBackend, SaysWhatAnErrorOfTheServerMeans) {
  const std::vector<std::pair<std::string, Errc>> errors{{"OOM command not allowed", Errc::out_of_memory},
                                                         {"LOADING the dataset", Errc::peer_lost},
                                                         {"MASTERDOWN link", Errc::peer_lost},
                                                         {"READONLY a replica", Errc::system},
                                                         {"MISCONF no disk", Errc::system},
                                                         {"WRONGTYPE of value", Errc::type_mismatch},
                                                         {"NOPERM no rights", Errc::invalid_argument},
                                                         {"NOAUTH required", Errc::invalid_argument},
                                                         {"MOVED 7 other:1", Errc::unsupported},
                                                         {"ERR whatever", Errc::system}};
  for (const auto& [text, code] : errors) {
    server_.set([text = text](const Request&) { return Answer{"-" + text + "\r\n"}; });
    EXPECT_EQ(load_code(), code) << text;
    EXPECT_EQ(code_of(store(1)), code) << text;
    EXPECT_EQ(code_of(backend_->list("s", {}, long_enough)), code) << text;
    if (code != Errc::peer_lost) {
      EXPECT_EQ(server_.requests(), (Names{"GET", "SET", "SCAN"})) << "nothing is asked for twice";
    }
  }
}

// A server that has started again knows no scripts; whether the record has the revision, only the server
// decides.
TEST_F(RedisBackend, GivesItsScriptToAServerThatHasLostIt) {
  for (const auto& [reply, code] : std::vector<std::pair<std::string, Errc>>{
           {":1", Errc{}}, {":0", Errc::stale}, {":-1", Errc::not_found}, {":5", Errc::corrupt}}) {
    server_.set([reply = reply](const Request& request) {
      return request.words[0] == "SCRIPT"    ? Answer{ScriptedServer::text(std::string(40, 'f'))}
             : request.words[0] == "EVALSHA" ? Answer{"-NOSCRIPT no matching script\r\n"}
                                             : Answer{reply + "\r\n"};
    });
    EXPECT_EQ(code_of(store(8, Expect::revision)), code) << reply;
    EXPECT_EQ(server_.requests().back(), "EVAL");
  }
}

TEST_F(RedisBackend, ListsANameOnceHoweverOftenTheServerSaysIt) {
  const auto pages = [](int cut) {
    return [cut](const Request& request) {
      const std::string reply =
          request.words[1] == "0" ? page("17", {"s:b", "s:a", "t:other", "s:b"}) : page("0", {"s:c", "s:a"});
      return request.number == cut ? Answer{reply.substr(0, 20), closes} : Answer{reply};
    };
  };
  server_.set(pages(-1));
  EXPECT_EQ(backend_->list("s", {}, long_enough).value(), (Names{"a", "b", "c"}));
  server_.set(pages(1));
  EXPECT_EQ(backend_->list("s", {}, long_enough).value(), (Names{"a", "b", "c"})) << "from the beginning";
  EXPECT_EQ(server_.requests().size(), 4U);
  server_.set([](const Request&) { return Answer{"*1\r\n" + ScriptedServer::text("0")}; });
  EXPECT_EQ(code_of(backend_->list("s", {}, long_enough)), Errc::corrupt);
  server_.set([](const Request&) { return Answer{page("17", {})}; });
  EXPECT_EQ(code_of(backend_->list("s", {}, 50ms)), Errc::timeout) << "a server that comes to no end";
}

// Each of two lengths may be; together they are more than any reply has.
TEST_F(RedisBackend, IsNotLedByLengths) {
  for (const char* reply : {"*999999\r\n*2\r\n", "*2\r\n$1\r\na\r\n$1073741824\r\n", "%500001\r\n",
                            "*9223372036854775807\r\n", "%9223372036854775807\r\n"}) {
    server_.set([reply](const Request&) { return Answer{reply}; });
    EXPECT_EQ(load_code(), Errc::corrupt) << reply;
  }
}

// Messages that nobody has asked for are passed over, though not for ever.
TEST_F(RedisBackend, IsNotKeptByAFloodOfMessages) {
  std::string pushes;
  for (int count = 0; count < 10'000; ++count) {
    pushes += ">0\r\n";
  }
  server_.set([pushes](const Request&) { return Answer{pushes, repeats}; });
  const auto before = Deadline::Clock::now();
  EXPECT_EQ(code_of(backend_->load({"s", "a"}, whole_record, 50ms)), Errc::timeout);
  EXPECT_LT(Deadline::Clock::now() - before, beyond);
}

}  // namespace
}  // namespace locum::tests::redis_backend_test
