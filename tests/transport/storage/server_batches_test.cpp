// Many records of a server in one call: in one turn, and when the way to it breaks in the middle.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/server_scene.hpp"

namespace locum::tests {
namespace {

/// Records with texts of their own, which are stored or loaded together.
class TextBatch {
 public:
  void add(std::string name, std::string text, std::uint64_t revision, Expect expect,
           std::uint64_t expected = 0) {
    names_.push_back(std::move(name));
    texts_.push_back(std::move(text));
    records_.push_back(
        {.owner = {}, .bytes = {}, .revision = revision, .expect = expect, .expected_revision = expected});
  }
  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
  [[nodiscard]] const std::string& name(std::size_t at) const { return names_[at]; }
  [[nodiscard]] const std::string& text(std::size_t at) const { return texts_[at]; }
  [[nodiscard]] std::vector<Result<void>> store(Backend& to) {
    for (std::size_t at = 0; at < size(); ++at) {
      records_[at].bytes = std::as_bytes(std::span(texts_[at]));
    }
    std::vector<Result<void>> stored(size(), Result<void>(Error(Errc::cancelled, "never set")));
    to.batches()->store(keys(), records_, stored, long_enough);
    return stored;
  }
  [[nodiscard]] std::vector<Result<LoadedRecord>> load(Backend& from,
                                                       std::uint64_t last = whole_record) const {
    std::vector<Result<LoadedRecord>> loaded(size(),
                                             Result<LoadedRecord>(Error(Errc::cancelled, "never set")));
    from.batches()->load(keys(), last, loaded, long_enough);
    return loaded;
  }
  [[nodiscard]] std::vector<Result<bool>> remove(Backend& from) const {
    std::vector<Result<bool>> removed(size(), Result<bool>(Error(Errc::cancelled, "never set")));
    from.batches()->remove(keys(), removed, long_enough);
    return removed;
  }

 private:
  [[nodiscard]] std::vector<RecordKey> keys() const {
    std::vector<RecordKey> keys;
    for (const std::string& name : names_) {
      keys.push_back({"s", name});
    }
    return keys;
  }

  std::vector<std::string> names_;
  std::vector<std::string> texts_;
  std::vector<NewRecord> records_;
};

/// What one thread stored under a name: the texts that may be there, and whether one of them must.
struct StoredText {
  std::vector<std::string> texts;
  bool is_acknowledged = false;
};

// Batches are cut in their middle: their replies are longer than what comes before a cut.
TEST_P(Servers, LoseNothingThatTheyAcknowledged) {
  constexpr int threads = 4;
  constexpr int rounds = 60;
  constexpr int together = 30;
  proxy_->set({.cut_after = 97});
  std::array<std::map<std::string, StoredText>, threads> all_stored;
  std::atomic<int> divided{0};  // batches of which some were acknowledged
  std::vector<std::thread> all;
  for (int mine = 0; mine < threads; ++mine) {
    all.emplace_back([&, mine] {
      std::map<std::string, StoredText>& stored = all_stored[static_cast<std::size_t>(mine)];
      std::mt19937 random(static_cast<unsigned>(mine));
      const auto text_of = [&](int round) {
        return std::string(random() % 300, static_cast<char>('a' + round % 26));
      };
      const auto note = [&](const std::string& name, const std::string& text, const Result<void>& result) {
        StoredText& one = stored[name];
        if (result) {
          one = {{text}, true};
        } else {
          EXPECT_EQ(code_of(result), Errc::peer_lost) << name << ": " << result.error();
          one.texts.push_back(text);
        }
      };
      std::vector<std::string> last;  // which the batch before stored
      for (int round = 0; round < rounds; ++round) {
        const std::string name = std::to_string(mine) + '/' + std::to_string(round);
        const auto revision = static_cast<std::uint64_t>(1000 + round);
        if (round % 2 == 0) {
          const std::string text = text_of(round);
          const auto result = store_text(*backend_, {"s", name}, text, revision, long_enough,
                                         round % 4 == 0 ? Expect::absent : Expect::anything);
          note(name, text, result);
          const auto found = backend_->load({"s", name}, whole_record, long_enough);
          EXPECT_TRUE(found ? text_in(*found) == text
                            : code_of(found) == Errc::peer_lost ||
                                  (!result && code_of(found) == Errc::not_found));
          continue;
        }
        TextBatch batch;
        if (round % 6 == 5) {
          for (const std::string& one : last) {
            batch.add(one, text_of(round), revision, Expect::revision, revision - 2);
          }
        } else {
          for (int at = 0; at < together; ++at) {
            batch.add(name + '/' + std::to_string(at), text_of(round), revision,
                      round % 6 == 1 ? Expect::absent : Expect::anything);
          }
        }
        last.clear();
        const auto results = batch.store(*backend_);
        for (std::size_t at = 0; at < batch.size(); ++at) {
          note(batch.name(at), batch.text(at), results[at]);
          if (results[at]) {
            last.push_back(batch.name(at));
          }
        }
        divided += !last.empty() && last.size() < batch.size() ? 1 : 0;
      }
    });
  }
  for (std::thread& one : all) {
    one.join();
  }
  EXPECT_GT(proxy_->cuts(), threads * rounds / 2);
  EXPECT_GT(divided, 0);
  std::size_t acknowledged = 0;
  for (const auto& mine : all_stored) {
    TextBatch batch;
    for (const auto& [name, stored] : mine) {
      batch.add(name, {}, 0, Expect::anything);
      acknowledged += stored.is_acknowledged ? 1 : 0;
    }
    const auto found = batch.load(*direct_);
    std::size_t at = 0;
    for (const auto& [name, stored] : mine) {
      const auto& one = found[at++];
      if (one) {
        EXPECT_NE(std::ranges::find(stored.texts, text_in(*one)), stored.texts.end()) << name;
      } else {
        EXPECT_EQ(code_of(one), Errc::not_found) << name;
        EXPECT_FALSE(stored.is_acknowledged) << name;
      }
    }
  }
  EXPECT_GT(acknowledged, 0U);
}

// Counted, not timed: a request that waits for the reply before it is a turn of its own.
TEST_P(Servers, DoABatchInOneTurn) {
  constexpr int count = 100;
  constexpr int few = 5;  // some for what a connection asks first; a long batch may come in parts
  const auto is_done_in_few = [&](const char* what, const auto& call) {
    proxy_->set({});
    EXPECT_TRUE(std::ranges::all_of(call(), [](const auto& one) { return one.has_value(); })) << what;
    EXPECT_LE(proxy_->turns(), few) << what;
  };
  TextBatch batch;
  TextBatch changes;
  for (int at = 0; at < count; ++at) {
    const std::string name = "n" + std::to_string(at);
    batch.add(name, name, 7, at % 2 == 0 ? Expect::absent : Expect::anything);
    changes.add(name, "new " + name, 8, Expect::revision, 7);
  }
  is_done_in_few("store", [&] { return batch.store(*backend_); });
  is_done_in_few("store with a revision", [&] { return changes.store(*backend_); });
  is_done_in_few("load", [&] { return changes.load(*backend_); });
  is_done_in_few("load ends", [&] { return changes.load(*backend_, 1); });
  is_done_in_few("remove", [&] { return batch.remove(*backend_); });
  proxy_->set({});
  for (int at = 0; at < count; ++at) {
    (void)backend_->load({"s", "n0"}, 1, long_enough);
  }
  EXPECT_GE(proxy_->turns(), count) << "one by one they are counted";
}

// What became of a batch whose replies were lost is asked together, too.
TEST_P(Servers, FindOutInOneTurnWhatABatchHasStored) {
  TextBatch batch;
  for (int at = 0; at < 100; ++at) {
    batch.add("n" + std::to_string(at), std::to_string(at), 7, Expect::absent);
  }
  proxy_->set({.cut_after = 97, .cuts = 1});
  const auto stored = batch.store(*backend_);
  EXPECT_EQ(proxy_->cuts(), 1);
  EXPECT_LE(proxy_->turns(), 10) << "one by one it takes 80 and more";
  const auto found = batch.load(*direct_);
  for (std::size_t at = 0; at < batch.size(); ++at) {
    EXPECT_TRUE(stored[at] || code_of(stored[at]) == Errc::peer_lost) << stored[at].error();
    EXPECT_TRUE(found[at] ? text_in(*found[at]) == batch.text(at) : !stored[at]) << at;
  }
  EXPECT_TRUE(stored[0]) << "its reply came";
}

// A server that keeps its records, and is killed while they are stored.
TEST(RedisServerThatKeepsRecords, HasAllThatItAcknowledgedAfterARestart) {
  if (!TestServer::program(ServerKind::redis)) {
    GTEST_SKIP() << "redis-server is not installed";
  }
  constexpr int threads = 3;
  constexpr int together = 10;
  TestServer own(ServerKind::redis, false, {"--appendonly", "yes", "--appendfsync", "always"});
  const auto backend = own.backend();
  std::array<std::vector<std::string>, threads> acknowledged;
  std::atomic<int> stored{0};
  std::atomic<int> lost{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> all;
  for (int mine = 0; mine < threads; ++mine) {
    all.emplace_back([&, mine] {
      for (int round = 0; !done; ++round) {
        TextBatch batch;
        for (int at = 0; at < (round % 2 == 0 ? 1 : together); ++at) {
          const std::string name =
              std::to_string(mine) + '/' + std::to_string(round) + '/' + std::to_string(at);
          batch.add(name, "text of " + name, 7, Expect::absent);
        }
        const auto results = batch.store(*backend);
        for (std::size_t at = 0; at < batch.size(); ++at) {
          EXPECT_TRUE(results[at] || code_of(results[at]) == Errc::peer_lost) << results[at].error();
          if (results[at]) {
            acknowledged[static_cast<std::size_t>(mine)].push_back(batch.name(at));
          }
          (results[at] ? stored : lost) += 1;
        }
      }
    });
  }
  const auto reaches = [end = Deadline::Clock::now() + long_enough](const std::atomic<int>& count,
                                                                    int wanted) {
    while (count < wanted && Deadline::Clock::now() < end) {
      std::this_thread::yield();
    }
    return count >= wanted;
  };
  EXPECT_TRUE(reaches(stored, 100));
  own.stop();
  EXPECT_TRUE(reaches(lost, threads * together));
  own.start();
  EXPECT_TRUE(reaches(stored, stored + 100)) << "they are connected again";
  done = true;
  for (std::thread& one : all) {
    one.join();
  }
  for (const auto& names : acknowledged) {
    TextBatch batch;
    for (const std::string& name : names) {
      batch.add(name, "text of " + name, 7, Expect::anything);
    }
    const auto found = batch.load(*backend);
    for (std::size_t at = 0; at < batch.size(); ++at) {
      ASSERT_TRUE(found[at]) << batch.name(at) << ": " << found[at].error();
      EXPECT_EQ(text_in(*found[at]), batch.text(at));
    }
  }
}

}  // namespace
}  // namespace locum::tests
