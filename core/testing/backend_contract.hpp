#pragma once

// The contract of a Backend as tests, for authors of backends. It needs GoogleTest. Include it in one source
// file of a test, and instantiate the suite there:
//
//   using locum::tests::BackendContract;
//   INSTANTIATE_TEST_SUITE_P(Tape, BackendContract,
//                            ::testing::Values(locum::tests::BackendFactory{"tape", make_tape}),
//                            locum::tests::backend_name);
//
// `make` opens the backend, empty; `again` opens the same once more, as another process would, if by its
// traits it is shared or durable. A backend that by its traits does not list has to refuse that
// (`unsupported`); other abilities that its traits lack are not tested. All tests take some seconds, if the
// backend is not slow.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <locum/ports/backend.hpp>

namespace locum::tests {

struct BackendFactory {
  std::string name;
  std::function<std::shared_ptr<Backend>()> make;
  /// Empty: others cannot open it.
  std::function<std::shared_ptr<Backend>()> again = {};

  friend std::ostream& operator<<(std::ostream& out, const BackendFactory& factory) {
    return out << factory.name;
  }
};

inline std::string backend_name(const ::testing::TestParamInfo<BackendFactory>& info) {
  return info.param.name;
}

/// Calls of a backend, as the tests make them.
struct BackendCalls {
  static Deadline soon() { return std::chrono::seconds(60); }
  /// Returns the code of the error; none, `Errc{}`, for a value.
  template <class T>
  static Errc code_of(const Result<T>& result) {
    return result ? Errc{} : result.error().code();
  }
  static std::string text_of(const LoadedRecord& record) {
    return {reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()};
  }
  static Result<void> store(Backend& to, const RecordKey& key, std::string_view text, std::uint64_t revision,
                            Expect expect = Expect::anything, std::uint64_t expected = 0,
                            std::string_view tag = {}) {
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = revision;
    record.expect = expect;
    record.expected_revision = expected;
    record.tag = tag;
    return to.store(key, record, soon());
  }
  /// Returns the record's bytes, or the name of the error.
  static std::string load(Backend& from, const RecordKey& key) {
    const auto record = from.load(key, whole_record, soon());
    return record ? text_of(*record) : std::string(to_string(record.error().code()));
  }
};

class BackendContract : public ::testing::TestWithParam<BackendFactory>, protected BackendCalls {
 protected:
  using BackendCalls::load;
  using BackendCalls::store;
  Result<void> store(const RecordKey& key, std::string_view text, std::uint64_t revision,
                     Expect expect = Expect::anything, std::uint64_t expected = 0) {
    return store(*backend_, key, text, revision, expect, expected);
  }
  std::string load(const RecordKey& key) { return load(*backend_, key); }
  std::vector<std::string> sorted(std::string_view space, std::string_view prefix) {
    auto names = backend_->list(space, prefix, soon()).value();
    std::ranges::sort(names);
    return names;
  }

  std::shared_ptr<Backend> backend_ = GetParam().make();
  const BackendTraits traits_ = backend_->traits();
};

TEST_P(BackendContract, LoadsWhatWasStored) {
  EXPECT_EQ(code_of(backend_->load({"s", "a"}, whole_record, soon())), Errc::not_found);
  for (const std::size_t size :
       std::initializer_list<std::size_t>{0, 1, 100, 511, 512, 513, 4096, 100'000, 1'000'000}) {
    std::string text(size, 'x');
    for (std::size_t at = 0; at < size; ++at) {
      text[at] = static_cast<char>(at * 7 + at / 251);
    }
    ASSERT_TRUE(store({"s", "a"}, text, 1'000'000'000 + size)) << size;
    const auto record = backend_->load({"s", "a"}, whole_record, soon());
    ASSERT_TRUE(record) << record.error();
    EXPECT_EQ(record->size_bytes, size);
    EXPECT_EQ(record->revision, 1'000'000'000 + size);
    EXPECT_TRUE(text_of(*record) == text) << size;
    for (const std::uint64_t last : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{500}}) {
      const auto end = backend_->load({"s", "a"}, last, soon());
      ASSERT_TRUE(end) << end.error();
      EXPECT_EQ(end->size_bytes, size);
      EXPECT_EQ(end->revision, 1'000'000'000 + size);
      ASSERT_GE(end->bytes.size(), std::min<std::uint64_t>(last, size));
      EXPECT_TRUE(text.ends_with(text_of(*end)));
    }
  }
}

TEST_P(BackendContract, KeepsOneRecordOfANameWhateverItsTag) {
  const auto store_tagged = [&](std::string_view tag, std::string_view text, std::uint64_t revision,
                                Expect expect = Expect::anything, std::uint64_t expected = 0) {
    return store(*backend_, {"s", "a"}, text, revision, expect, expected, tag);
  };
  ASSERT_TRUE(store_tagged("fast", "1", 11));
  EXPECT_EQ(load({"s", "a"}), "1");
  EXPECT_EQ(code_of(store_tagged("slow", "2", 12, Expect::absent)), Errc::key_exists);
  EXPECT_EQ(code_of(store_tagged("slow", "2", 12, Expect::revision, 10)), Errc::stale);
  EXPECT_TRUE(store_tagged("slow", "2", 12, Expect::revision, 11));
  EXPECT_EQ(load({"s", "a"}), "2");
  EXPECT_TRUE(store_tagged({}, "3", 13));
  EXPECT_EQ(load({"s", "a"}), "3");
  if (traits_.lists) {
    EXPECT_EQ(sorted("s", {}), std::vector<std::string>{"a"});
  }
  EXPECT_TRUE(backend_->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(load({"s", "a"}), to_string(Errc::not_found));
}

TEST_P(BackendContract, KeepsSpacesAndNamesApart) {
  ASSERT_TRUE(store({"s", "a"}, "1", 11));
  ASSERT_TRUE(store({"s", "b"}, "2", 12));
  ASSERT_TRUE(store({"t", "a"}, "3", 13));
  ASSERT_TRUE(store({"sa", "a"}, "4", 14));
  EXPECT_EQ(load({"s", "a"}) + load({"s", "b"}) + load({"t", "a"}) + load({"sa", "a"}), "1234");
  EXPECT_TRUE(backend_->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(load({"s", "a"}), "not_found");
  EXPECT_EQ(load({"t", "a"}) + load({"sa", "a"}), "34");
}

TEST_P(BackendContract, HoldsAllNamesThatItSaysItHolds) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    const auto one = static_cast<char>(byte);
    const bool is_alnum =
        (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || (one >= '0' && one <= '9');
    const bool fits = traits_.name_bytes == NameBytes::any ||
                      (traits_.name_bytes == NameBytes::printable && byte > ' ' && byte <= '~') ||
                      (traits_.name_bytes == NameBytes::file_name &&
                       (is_alnum || std::string_view("_-,+=@~.%").find(one) != std::string_view::npos));
    if (fits) {
      bytes += one;
    }
  }
  std::vector<std::string> names{"a" + bytes.substr(0, 60), std::string(traits_.longest_name, 'l'),
                                 std::string(traits_.longest_name - 1, 'l'), "@k0123", "a%2Fb"};
  for (const char one : bytes) {
    names.push_back(std::string("b") + one);
  }
  for (std::size_t at = 0; at < names.size(); ++at) {
    ASSERT_TRUE(store({"s", names[at]}, names[at], at + 1)) << at;
  }
  for (const std::string& name : names) {
    EXPECT_TRUE(load({"s", name}) == name) << name;
  }
  if (traits_.lists) {
    std::ranges::sort(names);
    EXPECT_EQ(sorted("s", {}), names);
  }
}

TEST_P(BackendContract, StoresOnlyWhatIsExpected) {
  EXPECT_EQ(code_of(store({"s", "a"}, "0", 10, Expect::revision, 9)), Errc::not_found);
  EXPECT_TRUE(store({"s", "a"}, "1", 11, Expect::absent));
  EXPECT_EQ(code_of(store({"s", "a"}, "2", 12, Expect::absent)), Errc::key_exists);
  EXPECT_EQ(code_of(store({"s", "a"}, "3", 13, Expect::revision, 10)), Errc::stale);
  EXPECT_EQ(load({"s", "a"}), "1");
  EXPECT_TRUE(store({"s", "a"}, "4", 14, Expect::revision, 11));
  EXPECT_EQ(load({"s", "a"}), "4");
  EXPECT_TRUE(store({"s", "a"}, "5", 15));
  EXPECT_EQ(load({"s", "a"}), "5");
  EXPECT_FALSE(backend_->remove({"s", "a"}, 14, soon()).value());
  EXPECT_TRUE(backend_->remove({"s", "a"}, 15, soon()).value());
  EXPECT_FALSE(backend_->remove({"s", "a"}, 0, soon()).value());
  EXPECT_TRUE(store({"s", "a"}, "6", 16, Expect::absent));
}

TEST_P(BackendContract, ListsAndDropsASpace) {
  if (!traits_.lists) {
    EXPECT_EQ(code_of(backend_->list("s", {}, soon())), Errc::unsupported);
    EXPECT_EQ(code_of(backend_->drop("s", soon())), Errc::unsupported);
    return;
  }
  EXPECT_TRUE(sorted("s", {}).empty());
  for (const char* name : {"a", "ab", "abc", "b", "@k1"}) {
    ASSERT_TRUE(store({"s", name}, name, 1));
  }
  ASSERT_TRUE(store({"t", "ab"}, "t", 2));
  EXPECT_EQ(sorted("s", "ab"), (std::vector<std::string>{"ab", "abc"}));
  EXPECT_EQ(sorted("s", {}), (std::vector<std::string>{"@k1", "a", "ab", "abc", "b"}));
  EXPECT_EQ(sorted("s", "x"), std::vector<std::string>());
  std::set<std::string> many;
  for (int at = 0; at < 3000; ++at) {
    const std::string name = "many/" + std::to_string(at);
    ASSERT_TRUE(store({"u", traits_.name_bytes == NameBytes::file_name ? "many" + std::to_string(at) : name},
                      "x", 3));
    many.insert(name);
  }
  EXPECT_EQ(backend_->list("u", "many", soon()).value().size(), many.size());
  EXPECT_EQ(backend_->drop("s", soon()).value(), 5U);
  EXPECT_EQ(backend_->drop("s", soon()).value(), 0U);
  EXPECT_EQ(load({"t", "ab"}), "t");
  EXPECT_EQ(backend_->drop("u", soon()).value(), many.size());
}

TEST_P(BackendContract, KeepsLoadedBytesWhateverHappensToTheRecord) {
  const std::string first(5000, 'a');
  ASSERT_TRUE(store({"s", "a"}, first, 1));
  auto record = backend_->load({"s", "a"}, whole_record, soon()).value();
  ASSERT_TRUE(store({"s", "a"}, std::string(5000, 'b'), 2));
  ASSERT_TRUE(backend_->remove({"s", "a"}, 0, soon()).value());
  for (int at = 0; at < 50; ++at) {
    ASSERT_TRUE(store({"s", std::to_string(at)}, std::string(5000, 'c'), 3));
  }
  backend_.reset();
  EXPECT_TRUE(text_of(record) == first);
}

TEST_P(BackendContract, LetsOneOfManyWinWhoExpectTheSame) {
  if (!traits_.is_atomic) {
    GTEST_SKIP() << "this backend is not atomic";
  }
  std::vector<std::shared_ptr<Backend>> backends(4, backend_);
  if (GetParam().again && traits_.shared_by != SharedBy::process) {
    backends[1] = GetParam().again();
    backends[3] = GetParam().again();
  }
  constexpr int rounds = 20;
  std::atomic<int> winners{0};
  std::atomic<int> changes{0};
  ASSERT_TRUE(store({"s", "count"}, "0", 1));
  std::vector<std::thread> threads;
  for (std::size_t mine = 0; mine < backends.size(); ++mine) {
    threads.emplace_back([&, mine] {
      Backend& own = *backends[mine];
      for (int round = 0; round < rounds; ++round) {
        winners += store(own, {"s", "n" + std::to_string(round)}, "x", mine + 1, Expect::absent) ? 1 : 0;
        for (bool done = false; !done;) {  // counts, and loses nothing
          const auto now = own.load({"s", "count"}, whole_record, soon());
          ASSERT_TRUE(now) << now.error();
          const auto stored = store(own, {"s", "count"}, std::to_string(std::stoi(text_of(*now)) + 1),
                                    now->revision + 1, Expect::revision, now->revision);
          ASSERT_TRUE(stored || stored.error().code() == Errc::stale) << stored.error();
          done = stored.has_value();
        }
        ++changes;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(winners, rounds);
  EXPECT_EQ(load({"s", "count"}), std::to_string(changes));
}

TEST_P(BackendContract, ShowsWholeRecordsWhileTheyAreReplaced) {
  ASSERT_TRUE(store({"s", "a"}, std::string(70'000, 'a'), 1));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t round = 1; round <= 60; ++round) {
      const auto letter = static_cast<char>('a' + round % 26);
      EXPECT_TRUE(store({"s", "a"}, std::string(70'000 + round, letter), round + 1));
    }
    done = true;
  });
  while (!done) {
    const auto record = backend_->load({"s", "a"}, whole_record, soon());
    if (!record) {
      ADD_FAILURE() << record.error();
      break;  // and wait for the writer
    }
    const std::string text = text_of(*record);
    EXPECT_EQ(text.size(), 70'000 + record->revision - 1);
    EXPECT_EQ(text.find_first_not_of(text.front()), std::string::npos);
  }
  writer.join();
}

TEST_P(BackendContract, IsTheSameForWhoOpensItAgain) {
  const bool is_kept = traits_.is_durable || traits_.shared_by != SharedBy::process;
  EXPECT_EQ(is_kept, static_cast<bool>(GetParam().again))
      << "the test has to open again what is shared or durable";
  if (!is_kept || !GetParam().again) {
    GTEST_SKIP() << "nothing of this backend is left for who opens it again";
  }
  ASSERT_TRUE(store({"s", "a"}, "1", 77));
  if (traits_.shared_by == SharedBy::process) {
    backend_.reset();
  }
  const auto other = GetParam().again();
  const auto found = other->load({"s", "a"}, whole_record, soon());
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(text_of(*found), "1");
  EXPECT_EQ(found->revision, 77U);
  EXPECT_EQ(code_of(store(*other, {"s", "a"}, "2", 78, Expect::absent)), Errc::key_exists);
}

TEST_P(BackendContract, RefusesRecordsThatAreTooLargeBeforeItSendsThem) {
  if (traits_.largest_record > std::uint64_t{64} << 20U) {
    GTEST_SKIP() << "records too large for this backend are too large for a test";
  }
  const std::string most(traits_.largest_record, 'm');
  EXPECT_TRUE(store({"s", "a"}, most, 1));
  EXPECT_TRUE(load({"s", "a"}) == most);
  EXPECT_EQ(code_of(store({"s", "b"}, most + "x", 1)), Errc::value_too_large);
  EXPECT_EQ(load({"s", "b"}), "not_found");
}

TEST_P(BackendContract, DoesManyAtOnceAsOneByOne) {
  RecordBatches* const together = backend_->batches();
  if (together == nullptr) {
    GTEST_SKIP() << "this backend has no batches";
  }
  constexpr std::size_t count = 300;
  std::vector<std::string> names;
  for (std::size_t at = 0; at < count; ++at) {
    names.push_back("n" + std::to_string(at));
  }
  ASSERT_TRUE(store({"s", "n7"}, "before", 5));
  std::vector<RecordKey> keys;
  std::vector<NewRecord> records;
  for (const std::string& name : names) {
    keys.push_back({"s", name});
    NewRecord record;
    record.bytes = std::as_bytes(std::span(name));
    record.revision = 6;
    record.expect = Expect::absent;
    records.push_back(record);
  }
  std::vector<Result<void>> stored(count);
  together->store(keys, records, stored, soon());
  std::vector<Result<LoadedRecord>> loaded(count, Result<LoadedRecord>(Error(Errc::cancelled, "never set")));
  together->load(keys, whole_record, loaded, soon());
  for (std::size_t at = 0; at < count; ++at) {
    EXPECT_EQ(code_of(stored[at]), at == 7 ? Errc::key_exists : Errc{}) << at;
    ASSERT_TRUE(loaded[at]) << loaded[at].error();
    EXPECT_EQ(text_of(*loaded[at]), at == 7 ? "before" : names[at]);
    EXPECT_EQ(loaded[at]->revision, at == 7 ? 5U : 6U);
  }
  EXPECT_TRUE(backend_->remove(keys[3], 0, soon()).value());
  std::vector<Result<bool>> removed(count, Result<bool>(Error(Errc::cancelled, "never set")));
  together->remove(keys, removed, soon());
  for (std::size_t at = 0; at < count; ++at) {
    EXPECT_EQ(removed[at].value(), at != 3) << at;
  }
  together->load(keys, whole_record, loaded, soon());
  EXPECT_TRUE(std::ranges::all_of(loaded, [](const auto& one) { return code_of(one) == Errc::not_found; }));
}

TEST_P(BackendContract, RemovesWhatHasExpiredIfItSaysSo) {
  if (!traits_.expires) {
    GTEST_SKIP() << "this backend removes nothing that has expired: the library does";
  }
  const auto store_for = [&](std::string_view name, std::chrono::milliseconds lifetime) {
    NewRecord record;
    record.bytes = std::as_bytes(std::span("x", 1));
    record.revision = 1;
    record.lifetime = lifetime;
    return backend_->store({"s", name}, record, soon());
  };
  ASSERT_TRUE(store_for("brief", std::chrono::milliseconds(50)));
  ASSERT_TRUE(store_for("long", std::chrono::hours(1)));
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  while (load({"s", "brief"}) == "x" && Deadline::Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(load({"s", "brief"}), to_string(Errc::not_found));
  EXPECT_EQ(load({"s", "long"}), "x");
}

TEST_P(BackendContract, WakesWhoAwaitsARecord) {
  if (!traits_.pushes) {
    GTEST_SKIP() << "this backend wakes nobody: who waits asks again";
  }
  int calls = 0;
  for (const auto until = Deadline::Clock::now() + std::chrono::milliseconds(200);
       Deadline::Clock::now() < until; ++calls) {
    backend_->await({"s", "a"}, until);
  }
  EXPECT_LT(calls, 50) << "who waits sleeps, as long as nothing is stored";
  std::thread later([&] { EXPECT_TRUE(store({"s", "a"}, "1", 1)); });
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  while (load({"s", "a"}) != "1" && Deadline::Clock::now() < end) {
    backend_->await({"s", "a"}, std::chrono::seconds(5));
  }
  later.join();
  EXPECT_LT(Deadline::Clock::now(), end) << "the record was stored, and is not loaded";
}

}  // namespace locum::tests
