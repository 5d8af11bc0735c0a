// What batches of a store over a backend allocate, counted by this program's own operator new.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/backend_session.hpp"
#include "core/store.hpp"
#include "tests/core/allocations.hpp"

namespace locum {
namespace {

using tests::allocations_of;

/// Keeps the records of the last batch of objects, without an allocation, and others in a map.
class LastBatch final : public Backend, public RecordBatches {
 public:
  explicit LastBatch(bool lists, std::size_t most) {
    traits_.scheme = "last";
    traits_.lists = lists;
    last_.reserve(most);
  }
  const BackendTraits& traits() const noexcept override { return traits_; }
  RecordBatches* batches() noexcept override { return this; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t /*last_bytes*/,
                            Deadline /*deadline*/) override {
    const auto found = others_.find({std::string(key.space), std::string(key.name)});
    return found == others_.end() ? no_such_object() : Result<LoadedRecord>(loaded(found->second));
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline /*deadline*/) override {
    others_.insert_or_assign({std::string(key.space), std::string(key.name)}, record);
    return {};
  }
  Result<bool> remove(const RecordKey& /*key*/, std::uint64_t /*revision*/, Deadline /*deadline*/) override {
    return false;
  }
  Result<std::vector<std::string>> list(std::string_view /*space*/, std::string_view /*prefix*/,
                                        Deadline /*deadline*/) override {
    return std::vector<std::string>();
  }
  void load(std::span<const RecordKey> keys, std::uint64_t /*last_bytes*/,
            std::span<Result<LoadedRecord>> read, Deadline /*deadline*/) override {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      read[at] = loaded(last_[at]);
    }
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override {
    std::ranges::fill(stored, Result<void>());
    if (records.size() == 2) {  // one with its alias
      (void)store(keys[0], records[0], deadline);
      (void)store(keys[1], records[1], deadline);
      return;
    }
    last_.clear();
    for (const NewRecord& record : records) {
      if (record.expect == Expect::absent) {  // not an alias
        last_.push_back(record);
      }
    }
  }
  void remove(std::span<const RecordKey> /*keys*/, std::span<Result<bool>> removed,
              Deadline /*deadline*/) override {
    std::ranges::fill(removed, Result<bool>(true));
  }

 private:
  static LoadedRecord loaded(const NewRecord& record) {
    return {record.owner, record.bytes, record.bytes.size(), record.revision};
  }

  BackendTraits traits_;
  std::vector<NewRecord> last_;
  std::map<std::pair<std::string, std::string>, NewRecord> others_;
};

constexpr std::size_t objects = 256;
/// Of a whole batch: what it has in rows.
constexpr std::size_t of_a_batch = 12;

void expect_one_each(bool lists) {
  const auto session = open_session(std::make_shared<LastBatch>(lists, objects));
  ASSERT_TRUE(session) << session.error();
  const auto store = session->open("results");
  ASSERT_TRUE(store) << store.error();
  const std::vector<double> value(100, 1.5);
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::span<const double>>> together;
  for (std::size_t at = 0; at < objects; ++at) {
    names.push_back("a name that is too long to be kept without memory of its own/" + std::to_string(at));
    together.emplace_back(names.back(), value);
  }
  const auto put = [&] {
    for (const auto& key : store->put_batch(together)) {
      EXPECT_TRUE(key) << key.error();
    }
  };
  const auto get = [&] {
    for (const auto& view : store->get_batch<double[]>(names)) {
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(std::ranges::equal(view->span(), value));
    }
  };
  put();  // the names are known from now on
  EXPECT_LE(allocations_of(put), objects + of_a_batch) << "the memory of each record";
  EXPECT_LE(allocations_of(get), objects + of_a_batch) << "what keeps each object while it is seen";
}

TEST(BackendBatches, AllocateOnceForEachObject) {
  expect_one_each(true);
}

TEST(BackendBatches, AllocateNoMoreWhereARecordLeadsToTheName) {
  expect_one_each(false);
}

}  // namespace
}  // namespace locum
