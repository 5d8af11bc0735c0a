// What a store over a backend makes of records that were changed, and of changes by others between two of its
// calls.
#include "core/backend/backend_connector.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend/record_names.hpp"
#include "core/base/wall_clock.hpp"
#include "core/ports/wanting.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/map_backend.hpp"

namespace locum::tests::backend_connector_test {
namespace {

using namespace std::chrono_literals;
using Call = MapBackend::Call;

constexpr std::uint32_t fields = 7;
constexpr std::string_view space = "@s7";  // of a store that nobody has registered

std::shared_ptr<Connector> over(const std::shared_ptr<Backend>& backend) {
  return open_backend_connector(backend, {.timeout = 20s}).value().connector;
}

Result<Sealed> put_as(Connector& connector, ObjectMeta meta, std::uint64_t seed,
                      const SealOptions& options = {}) {
  const ObjectDraft draft = connector.create(100, meta, {}).value();
  const auto bytes = pattern(seed, 100);
  std::copy(bytes.begin(), bytes.end(), draft.bytes.begin());
  return connector.seal(draft, options, {});
}

class BackendConnectorTest : public ::testing::Test {
 protected:
  [[nodiscard]] Result<ObjectView> get(std::string_view name) { return connector_->get({fields, name}, {}); }
  Result<Sealed> put(std::string_view name, std::uint64_t seed, const SealOptions& options = {}) {
    return put_as(*connector_, plain_meta(fields, name), seed, options);
  }
  /// Another process replaces the record of a name just before the next call of that kind.
  void replace_before(Call call, std::string_view name, std::uint64_t seed) {
    backend_->before([this, call, name, seed, is_done = false](Call now, std::string_view) mutable {
      if (now == call && !std::exchange(is_done, true)) {
        EXPECT_TRUE(put_as(*other_, plain_meta(fields, name), seed, {SealMode::replace}));
      }
      return std::optional<Error>();
    });
  }

  const std::shared_ptr<MapBackend> backend_ = std::make_shared<MapBackend>();
  const std::shared_ptr<Connector> connector_ = over(backend_);
  const std::shared_ptr<Connector> other_ = over(backend_);
};

TEST_F(BackendConnectorTest, RefusesAnObjectThatWasChangedOrCut) {
  ObjectMeta meta = plain_meta(fields, "T");
  meta.checksum = true;
  ASSERT_TRUE(put_as(*connector_, meta, 1));
  ASSERT_TRUE(put("U", 2));
  ASSERT_TRUE(holds(get("T").value(), pattern(1, 100)));
  auto& bytes = backend_->kept(space, "T").bytes;
  bytes[40] ^= std::byte{4};
  EXPECT_EQ(code_of(get("T")), Errc::corrupt);
  const std::vector<Address> names{{fields, "T"}, {fields, "U"}};
  std::vector<Result<ObjectView>> found(2, Result<ObjectView>(ObjectView()));
  connector_->find_batch(names, Wanting::all, found, {});
  EXPECT_EQ(code_of(found[0]), Errc::corrupt);
  EXPECT_TRUE(found[1]) << "the others of a batch are found";
  bytes[40] ^= std::byte{4};
  EXPECT_TRUE(holds(get("T").value(), pattern(1, 100)));
  bytes.erase(bytes.begin());
  EXPECT_EQ(code_of(get("T")), Errc::corrupt);
}

TEST_F(BackendConnectorTest, RefusesTheRecordOfAnotherObjectUnderAKey) {
  const Key one = put({}, 1)->key;
  const Key next = put({}, 2)->key;
  std::swap(backend_->kept(space, RecordNames::of_key(one)).bytes,
            backend_->kept(space, RecordNames::of_key(next)).bytes);
  EXPECT_EQ(code_of(connector_->get(one, {})), Errc::corrupt);
  EXPECT_EQ(code_of(other_->get(next, {})), Errc::corrupt);
}

// Whoever finds an expired record removes it, unless it was replaced meanwhile.
TEST_F(BackendConnectorTest, RemovesOnlyTheRecordThatHasExpired) {
  ObjectMeta meta = plain_meta(fields, "T");
  meta.lifetime_ms = 1;
  const auto expire = [&] {
    ASSERT_TRUE(put_as(*connector_, meta, 1, {SealMode::replace}));
    const std::uint64_t end = nanoseconds_since_1970() + 1'000'000;
    while (nanoseconds_since_1970() <= end) {
    }
  };
  expire();
  EXPECT_EQ(code_of(get("T")), Errc::not_found);
  EXPECT_TRUE(backend_->names(space).empty());
  expire();
  replace_before(Call::remove, "T", 2);
  EXPECT_EQ(code_of(get("T")), Errc::not_found);
  const auto found = get("T");
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(2, 100)));
}

TEST_F(BackendConnectorTest, EvictsByKeyOnlyTheGenerationThatHasIt) {
  const Key key = put("T", 1)->key;
  replace_before(Call::remove, "T", 2);
  EXPECT_FALSE(connector_->evict(key, {}).value());
  EXPECT_TRUE(holds(get("T").value(), pattern(2, 100)));
  EXPECT_EQ(code_of(connector_->get(key, {})), Errc::not_found);
}

// Of two replacements that expect the same generation, also where the other one comes between two calls.
TEST_F(BackendConnectorTest, LetsTheBackendDecideWhichGenerationIsReplaced) {
  const std::uint64_t first = put("T", 1)->generation;
  replace_before(Call::store, "T", 2);
  EXPECT_EQ(code_of(put("T", 3, {SealMode::replace, first})), Errc::stale);
  EXPECT_TRUE(holds(get("T").value(), pattern(2, 100)));
}

// Where names are not listed, a record of its own leads from the key of an object to its name.
TEST(BackendConnectorThatListsNothing, StoresNoObjectThatItsKeyWouldNotFind) {
  const auto backend = std::make_shared<MapBackend>(false);
  const auto connector = over(backend);
  backend->before([](Call call, std::string_view name) {
    const bool is_alias = call == Call::store && name.starts_with('@');
    return is_alias ? std::optional(Error(Errc::peer_lost, "by the test")) : std::nullopt;
  });
  EXPECT_EQ(code_of(put_as(*connector, plain_meta(fields, "T"), 1)), Errc::peer_lost);
  ASSERT_TRUE(backend->names(space).empty());
  backend->before({});
  const Key key = put_as(*connector, plain_meta(fields, "T"), 2)->key;
  EXPECT_TRUE(holds(over(backend)->get(key, {}).value(), pattern(2, 100)));
}

TEST_F(BackendConnectorTest, CallsNobodyOnceItsTimeIsOver) {
  ASSERT_TRUE(put("T", 1));
  const ObjectDraft draft = connector_->create(100, plain_meta(fields, "U"), {}).value();
  const Deadline past(Deadline::Clock::now());
  (void)backend_->calls();
  EXPECT_EQ(code_of(connector_->get({fields, "T"}, past)), Errc::timeout);
  EXPECT_EQ(code_of(connector_->exists({fields, "T"}, past)), Errc::timeout);
  EXPECT_EQ(code_of(connector_->evict({fields, "T"}, past)), Errc::timeout);
  EXPECT_EQ(code_of(connector_->seal(draft, {}, past)), Errc::timeout);
  EXPECT_EQ(backend_->calls(), 0);
  EXPECT_EQ(connector_->usage().own_used, 0U) << "the draft is given back";
  EXPECT_TRUE(get("T"));
}

TEST_F(BackendConnectorTest, IsNotOpenedOverADamagedIdentity) {
  backend_->kept(system_space, identity_record).bytes.pop_back();
  EXPECT_EQ(code_of(open_backend_connector(backend_, {.timeout = 20s})), Errc::corrupt);
}

}  // namespace
}  // namespace locum::tests::backend_connector_test
