// A tier where its backend fails, where its memory has no room, and where ranks meet at one name.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend/backend_connector.hpp"
#include "core/node/local.hpp"
#include "core/tier/tier.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/map_backend.hpp"

namespace locum::tests::tier_connector_test {
namespace {

using namespace std::chrono_literals;
using Call = MapBackend::Call;

constexpr std::uint32_t fields = 7;
constexpr std::uint32_t claims = 9;

/// Memory that has no room for chosen stores: when an object is made, or when it is sealed.
class FullMemory final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    return meta.store == creates_nothing_in ? Result<ObjectDraft>(full())
                                            : ForwardingConnector::create(size_bytes, meta, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    if (draft.meta.store == seals_nothing_in) {
      behind().discard(draft);
      return {full()};
    }
    return ForwardingConnector::seal_or_task(draft, options, counts, budget);
  }

  std::uint32_t creates_nothing_in = 0;
  std::uint32_t seals_nothing_in = 0;

 private:
  static Error full() { return Error(Errc::out_of_memory, "the test leaves no room for this object"); }
};

class TierConnectorTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::shared_ptr<Tier> tier_of(std::vector<int> lost = {}) const {
    return open_tier(memory_, back_,
                     {.timeout = 20s, .claims_store = claims, .lost_node_peers = [lost] { return lost; }});
  }
  Result<Sealed> put(std::string_view name, std::uint64_t seed, const SealOptions& options = {}) const {
    return tests::put(*tier_, fields, name, pattern(seed, 100), options);
  }
  /// Another rank of the node puts the name while this one's put has its claim.
  [[nodiscard]] static Result<Sealed> put_by(Tier& other, std::string_view name, Deadline deadline) {
    const ObjectDraft draft = other.create(100, plain_meta(fields, name), {}).value();
    return other.seal(draft, {}, deadline);
  }
  [[nodiscard]] bool is_claimed() const { return !memory_->list(claims, {}, {}).value().empty(); }
  [[nodiscard]] bool is_in_memory(std::string_view name) const {
    return memory_->exists({fields, name}, {}).value();
  }
  /// The first such call of the backend does this first.
  void at_first(Call call, std::function<std::optional<Error>()> act) const {
    backend_->before([call, act = std::move(act), is_done = false](Call now, std::string_view) mutable {
      return now == call && !std::exchange(is_done, true) ? act() : std::nullopt;
    });
  }

  const std::shared_ptr<MapBackend> backend_ = std::make_shared<MapBackend>();
  const std::shared_ptr<Connector> memory_ = open_local();
  const std::shared_ptr<Connector> back_ = open_backend_connector(backend_, {.timeout = 20s})->connector;
  const std::shared_ptr<Tier> tier_ = tier_of();
};

TEST_F(TierConnectorTest, GivesANameUpWhateverTheBackendSays) {
  ASSERT_TRUE(put("T", 1));
  ASSERT_TRUE(memory_->evict({fields, "T"}, {}).value());
  for (const Call call : {Call::store, Call::load, Call::remove}) {
    const auto lost = [&] {
      EXPECT_EQ(is_claimed(), call != Call::load) << "a first look takes no claim";
      return std::optional(Error(Errc::peer_lost, "by the test"));
    };
    at_first(call, lost);
    const Errc code = call == Call::store  ? code_of(put("U", 1))
                      : call == Call::load ? code_of(tier_->get({fields, "T"}, {}))
                                           : code_of(tier_->evict({fields, "T"}, {}));
    EXPECT_EQ(code, Errc::peer_lost);
    EXPECT_FALSE(is_claimed());
  }
  EXPECT_TRUE(holds(tier_->get({fields, "T"}, {}).value(), pattern(1, 100)));
  EXPECT_TRUE(put("U", 1));
}

TEST_F(TierConnectorTest, KeepsAllOthersAwayFromANameThatIsBeingPut) {
  const auto other = tier_of();
  at_first(Call::store, [&] {
    EXPECT_EQ(code_of(put_by(*other, "T", 1ms)), Errc::timeout);
    EXPECT_EQ(code_of(other->evict({fields, "T"}, WaitBudget(Deadline(1ms)))), Errc::timeout);
    EXPECT_TRUE(put_by(*other, "U", 20s)) << "another name";
    return std::nullopt;
  });
  EXPECT_TRUE(put("T", 1));
  EXPECT_TRUE(holds(other->get({fields, "T"}, {}).value(), pattern(1, 100)));
  EXPECT_EQ(code_of(put_by(*other, "T", 20s)), Errc::key_exists);
}

// Of two ranks of a node one dies within its put. Of the death before the second put the other one knows
// already.
TEST_F(TierConnectorTest, TakesANameFromADeadRankOfItsNode) {
  const auto survivor = tier_of({0});  // the rank in all keys here
  for (const char* name : {"T", "U"}) {
    at_first(Call::store, [&] {
      EXPECT_TRUE(put_by(*survivor, name, 20s));
      return std::nullopt;
    });
    EXPECT_EQ(code_of(put(name, 1)), Errc::key_exists) << "the backend decides";
    EXPECT_FALSE(is_claimed());
  }
}

TEST_F(TierConnectorTest, WorksInTheBackendAloneWhereNothingFitsIntoMemory) {
  ASSERT_TRUE(put("T", 1));
  const auto full = std::make_shared<FullMemory>(open_local());
  full->creates_nothing_in = claims;
  const auto tier = open_tier(full, back_, {.timeout = 20s, .claims_store = claims});
  const auto found = tier->get({fields, "T"}, {});
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->path(), Path::storage);
  EXPECT_TRUE(holds(*found, pattern(1, 100)));
  EXPECT_EQ(code_of(put_by(*tier, "T", 20s)), Errc::key_exists);
  EXPECT_TRUE(put_by(*tier, "U", 20s));
  EXPECT_TRUE(tier->evict({fields, "T"}, {}).value()) << "which makes room";
  EXPECT_EQ(backend_->names("@s7"), std::vector<std::string>{"U"});
  EXPECT_TRUE(full->list(fields, {}, {}).value().empty()) << "without a claim nothing is shown there";
}

// The backend has the new object, and memory has lost the room for it meanwhile.
TEST_F(TierConnectorTest, LeavesNothingOldInMemoryWhereTheNewHasNoPlace) {
  const auto full = std::make_shared<FullMemory>(memory_);
  const auto tier = open_tier(full, back_, {.timeout = 20s, .claims_store = claims});
  const std::uint64_t generation = put("T", 1)->generation;
  ASSERT_TRUE(is_in_memory("T"));
  full->seals_nothing_in = fields;
  const auto replaced = tests::put(*tier, fields, "T", pattern(2, 100), {SealMode::replace, generation});
  ASSERT_TRUE(replaced) << replaced.error();
  EXPECT_FALSE(is_in_memory("T"));
  EXPECT_TRUE(holds(tier->get({fields, "T"}, {}).value(), pattern(2, 100)));
  EXPECT_TRUE(holds(tier->get(replaced->key, {}).value(), pattern(2, 100))) << "its key is good";
}

// What a reader brings to memory would stay there after the eviction, were the two to cross.
TEST_F(TierConnectorTest, BringsNothingThatIsEvictedMeanwhile) {
  ASSERT_TRUE(put("T", 1));
  ASSERT_TRUE(memory_->evict({fields, "T"}, {}).value());
  const auto other = tier_of();
  int loads = 0;
  backend_->before([&](Call call, std::string_view name) {
    if (call == Call::load && name == "T" && ++loads == 1) {  // behind the first look
      backend_->before({});
      EXPECT_TRUE(other->evict({fields, "T"}, {}).value());
    }
    return std::optional<Error>();
  });
  EXPECT_EQ(code_of(tier_->get({fields, "T"}, {})), Errc::not_found);
  EXPECT_FALSE(is_in_memory("T"));
  EXPECT_FALSE(is_claimed());
}

}  // namespace
}  // namespace locum::tests::tier_connector_test
