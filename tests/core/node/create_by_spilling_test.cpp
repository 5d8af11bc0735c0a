#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "core/node/cluster.hpp"
#include "tests/core/code_of.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::code_of;

/// Says that this much memory has become free.
class Freed final : public ObjectSpill {
 public:
  explicit Freed(Result<std::uint64_t> bytes) : bytes_(std::move(bytes)) {}
  Result<void> bring_back(const Pin&, WaitBudget) override { return {}; }
  Result<void> read(const Pin&, std::span<std::byte>) override { return {}; }
  Result<std::uint64_t> make_room(std::uint64_t, WaitBudget) override {
    ++calls;
    return bytes_;
  }
  SpillUsage usage() override { return {}; }

  int calls = 0;

 private:
  const Result<std::uint64_t> bytes_;
};

Error full() {
  return Error(Errc::out_of_memory, "full");
}

template <class Create, class MayHelp>
Result<ObjectDraft> create(Freed& spill, Create create, MayHelp may_help) {
  return create_by_spilling(spill, full(), 1000, {}, Deadline::Clock::now() + 1h, create, may_help);
}
constexpr auto lacks_memory = [] { return true; };

TEST(CreateBySpilling, MovesNothingForAStoreThatIsAtItsBudget) {
  Freed spill(1000);
  EXPECT_EQ(code_of(create(
                spill, []() -> Result<ObjectDraft> { return full(); }, [] { return false; })),
            Errc::out_of_memory);
  EXPECT_EQ(spill.calls, 0);
}

TEST(CreateBySpilling, StopsWhenTheBudgetIsUsedUpMeanwhile) {
  Freed spill(1000);
  bool at_budget = false;
  EXPECT_EQ(code_of(create(
                spill,
                [&]() -> Result<ObjectDraft> {
                  at_budget = true;
                  return full();
                },
                [&] { return !at_budget; })),
            Errc::out_of_memory);
  EXPECT_EQ(spill.calls, 1);
}

TEST(CreateBySpilling, TriesOnceMoreWhereOthersGotTheMemoryCounted) {
  Freed spill(0);
  int tries = 0;
  EXPECT_TRUE(create(
      spill,
      [&] {
        ++tries;
        return Result<ObjectDraft>(std::in_place);
      },
      lacks_memory));
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(spill.calls, 1);
}

}  // namespace
}  // namespace locum
