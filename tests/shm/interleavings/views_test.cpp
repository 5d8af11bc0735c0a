#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>

#include "shm/table/object_table.hpp"
#include "tests/shm/interleavings/process.hpp"
#include "tests/shm/interleavings/schedule.hpp"

// Views of a table after its owner has left.
namespace locum::tests::views_interleavings {
namespace {

// The table of a process that leaves while others release their views of it on their own threads. It destroys
// itself, and then must not be accessed.
class Leaving : public Scene {
 public:
  explicit Leaving(const Ground& ground) : segment_(ground.again()), maker_(segment_, 1) {
    table_ = ::new (&room_) shm::ObjectTable(segment_, 0, Player::ranks_of(*segment_));
    thread(0, [this] { table_->leave([this] { end(); }); });
  }
  std::string wrong() override { return ends_ == 1 ? "" : "the table does not end"; }

 protected:
  std::uint64_t view() { return table_->pin(maker_.publish(1)).value().id; }
  shm::ObjectTable& table() { return *table_; }

 private:
  void end() {
    if (++ends_ > 1) {
      report("the table ends twice");
    }
    table_->~ObjectTable();
    forbid(&room_, sizeof room_);
  }

  const std::shared_ptr<shm::Segment> segment_;
  Process maker_;
  std::aligned_storage_t<sizeof(shm::ObjectTable), alignof(shm::ObjectTable)> room_;
  shm::ObjectTable* table_ = nullptr;
  int ends_ = 0;
};

// One view is copied, and both are released; so is a view of another object.
class ViewsOfTwo final : public Leaving {
 public:
  explicit ViewsOfTwo(const Ground& ground) : Leaving(ground) {
    thread(0, [this, first = view()] {
      table().retain(first);
      table().release(first);
      table().release(first);
    });
    thread(0, [this, second = view()] { table().release(second); });
  }
};

class ViewsOfOne final : public Leaving {
 public:
  explicit ViewsOfOne(const Ground& ground) : Leaving(ground) {
    const std::uint64_t both = view();
    table().retain(both);
    thread(0, [this, both] { table().release(both); });
    thread(0, [this, both] { table().release(both); });
  }
};

template <class Views>
void end_the_table_once() {
  const Ground ground(2);
  const Searched searched = search({.preemptions = 2}, [&] { return std::make_unique<Views>(ground); });
  EXPECT_EQ(searched.wrong, "");
  EXPECT_TRUE(searched.all);
  testing::Test::RecordProperty("runs", static_cast<int>(searched.runs));
}

TEST(LeavingInterleavings, EndTheTableOnceAndAfterViewsOfTwoObjects) {
  end_the_table_once<ViewsOfTwo>();
}
TEST(LeavingInterleavings, EndTheTableOnceAndAfterViewsOfOneObject) {
  end_the_table_once<ViewsOfOne>();
}

}  // namespace
}  // namespace locum::tests::views_interleavings
