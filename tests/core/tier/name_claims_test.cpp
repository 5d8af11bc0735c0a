#include "core/tier/name_claims.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "core/tier/memory_room.hpp"
#include "core/tier/tier_stores.hpp"
#include "core/tier/unwritten_names.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/mortal_nodes.hpp"

// Claims of ranks on three nodes, of which one is lost.
namespace locum::tests::name_claims_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t fields = 7;
constexpr std::uint32_t claims_store = 9;

/// Calls without deadlines: those of claims are moments of the system's clock, not of the simulation's.
class Untimed final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectView> get(const Address& address, WaitBudget /*budget*/) override {
    return behind().get(address, {});
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil /*counts*/,
                                 WaitBudget /*budget*/) override {
    return {behind().exists(address, {})};
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil /*counts*/,
                                 WaitBudget /*budget*/) override {
    return {behind().seal(draft, options, {})};
  }
};

/// The claims that a rank makes.
struct Claimant {
  explicit Claimant(std::shared_ptr<Connector> memory)
      : connector(std::move(memory)),
        unwritten(connector, 10),
        room(connector, stores, unwritten, 1s),
        claims(connector, room, claims_store, {}) {}

  [[nodiscard]] Result<NameClaims::Held> take(std::string_view name, std::chrono::milliseconds time) {
    return claims.take(Address(fields, name), Deadline::Clock::now() + time);
  }

  const std::shared_ptr<Connector> connector;
  TierStores stores{{}};
  UnwrittenNames unwritten;
  MemoryRoom room;
  NameClaims claims;
};

class ClaimsOfNodes : public ::testing::Test {
 protected:
  /// How a rank's claim to that name is called.
  std::string claim_to(std::string_view name) {
    const auto before = live_.connector->list(claims_store, {}, {}).value();
    const auto held = live_.take(name, 20s);
    EXPECT_TRUE(held) << held.error();
    std::vector<std::string> made;
    std::ranges::set_difference(live_.connector->list(claims_store, {}, {}).value(), before,
                                std::back_inserter(made));
    return made.at(0);
  }
  /// A name whose claim is at home on that node.
  std::string claimed_at(int node) {
    for (int number = 0;; ++number) {
      std::string name = std::to_string(number);
      if (world_.home(claims_store, claim_to(name)) == node) {
        return name;
      }
    }
  }
  /// A claim of that rank which it does not release.
  void leave_claim(int rank, std::string_view name) {
    EXPECT_TRUE(put(world_.connector(rank), claims_store, claim_to(name), std::vector<std::byte>()));
  }

  MortalNodes nodes_{{.nodes = {.nodes = 3}}};
  SimulatedNodes& world_ = nodes_.world();
  Claimant live_{std::make_shared<Untimed>(world_.rank(0).connector)};
};

TEST_F(ClaimsOfNodes, OfANodeThatIsLostAreTakenOver) {
  const std::array<std::string, 2> names{claimed_at(0), claimed_at(2)};
  for (const std::string& name : names) {
    leave_claim(1, name);
    EXPECT_FALSE(
        live_.claims.take_free(std::array{Address(fields, name)}, Deadline::Clock::now() + 20s).has(0));
  }
  EXPECT_EQ(code_of(live_.take(names[0], 300ms)), Errc::timeout) << "its maker lives";
  nodes_.kill_node(1);
  for (const std::string& name : names) {
    {
      const auto held = live_.take(name, 20s);
      ASSERT_TRUE(held) << held.error();
      EXPECT_EQ(code_of(live_.take(name, 1ms)), Errc::timeout) << "it is claimed now";
    }
    EXPECT_TRUE(live_.take(name, 20s)) << "and free again";
  }
}

TEST_F(ClaimsOfNodes, ToManyNamesAreHeldTogether) {
  std::vector<std::string> names;
  std::vector<Address> addresses;
  names.reserve(20);
  for (int number = 0; number < 20; ++number) {
    addresses.emplace_back(fields, names.emplace_back(std::to_string(number)));
  }
  addresses.push_back(addresses[3]);
  leave_claim(2, names[5]);
  {
    Claimant together(world_.rank(0).connector);
    const auto held = together.claims.take_free(addresses, Deadline::Clock::time_point::max());
    std::size_t count = 0;
    for (std::size_t at = 0; at < addresses.size(); ++at) {
      count += held.has(at) ? 1 : 0;
    }
    EXPECT_EQ(count, 19U) << "one is somebody else's, of two equal ones one is held";
    EXPECT_FALSE(held.has(5));
    EXPECT_EQ(live_.connector->list(claims_store, {}, {}).value().size(), 20U);
  }
  EXPECT_EQ(live_.connector->list(claims_store, {}, {}).value().size(), 1U);
}

}  // namespace
}  // namespace locum::tests::name_claims_test
