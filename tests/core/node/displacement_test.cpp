#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "core/node/displacement.hpp"
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

Result<ObjectDraft> made() {
  return Result<ObjectDraft>(std::in_place);
}

template <class Create>
Result<ObjectDraft> create(const DropCopies& drop_copies, Freed& spill, Create create) {
  return create_by_displacing(drop_copies, &spill, full(), 1000, {}, Deadline::Clock::now() + 1h, create);
}

TEST(Displacement, DropsCopiesBeforeObjectsGoToDisk) {
  Freed spill(1000);
  int dropped = 0;
  EXPECT_TRUE(create([&](std::uint64_t, const WaitBudget&) { return ++dropped <= 2; }, spill,
                     [&] { return dropped < 2 ? Result<ObjectDraft>(full()) : made(); }));
  EXPECT_EQ(dropped, 2);
  EXPECT_EQ(spill.calls, 0);
}

TEST(Displacement, MovesObjectsToDiskOnceNoCopyIsLeft) {
  Freed spill(1000);
  int dropped = 0;
  EXPECT_TRUE(create([&](std::uint64_t, const WaitBudget&) { return ++dropped < 2; }, spill,
                     [&] { return spill.calls == 0 ? Result<ObjectDraft>(full()) : made(); }));
  EXPECT_EQ(dropped, 2);
  EXPECT_EQ(spill.calls, 1);
}

TEST(Displacement, StopsAtAnotherErrorThanTheLackOfMemory) {
  Freed spill(1000);
  EXPECT_EQ(code_of(create({}, spill, []() -> Result<ObjectDraft> { return Error(Errc::closed, "over"); })),
            Errc::closed);
  EXPECT_EQ(spill.calls, 1);
}

TEST(Displacement, TriesOnceMoreWhereOthersGotTheMemoryCounted) {
  Freed spill(0);
  int tries = 0;
  EXPECT_TRUE(create({}, spill, [&] {
    ++tries;
    return made();
  }));
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(spill.calls, 1);
}

}  // namespace
}  // namespace locum
