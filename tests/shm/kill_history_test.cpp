#include "tests/shm/kill_history.hpp"

#include <gtest/gtest.h>

namespace locum::tests {
namespace {

// Events of one name, in the order of the calls; times in the test's own unit.
class Story {
 public:
  Event& add(Act act, std::int64_t begin, std::int64_t end, std::uint64_t value = 0) {
    Event event;
    event.act = act;
    event.done = true;
    event.name = 0;
    event.value = value;
    event.generation = value;
    event.begin_ns = begin;
    event.end_ns = end;
    events_.push_back(event);
    return events_.back();
  }
  void in_doubt(Act act, std::int64_t begin, std::int64_t end, std::uint64_t value = 0) {
    add(act, begin, end, value).done = false;
  }
  void missed(std::int64_t begin, std::int64_t end) { add(Act::get, begin, end).code = Errc::not_found; }
  void evicted(bool yes, std::int64_t begin, std::int64_t end) { add(Act::evict, begin, end).yes = yes; }
  [[nodiscard]] bool holds() const { return !contradiction(events_).has_value(); }

 private:
  std::vector<Event> events_;
};

TEST(KillHistory, BelievesWhatCanBeOrdered) {
  Story story;
  story.missed(0, 5);
  story.add(Act::put, 1, 10, 1);
  story.add(Act::get, 2, 3, 1);  // before the put has returned
  story.add(Act::put, 4, 9, 2).code = Errc::key_exists;
  story.add(Act::replace, 11, 20, 3);
  story.add(Act::get, 12, 13, 1);
  story.add(Act::get, 14, 15, 3);
  story.add(Act::get_key, 16, 17, 1);  // readable until the replacement has returned
  story.evicted(true, 30, 40);
  story.evicted(false, 31, 41);
  story.missed(42, 43);
  EXPECT_TRUE(story.holds());
}

TEST(KillHistory, RefusesWhatNoOrderExplains) {
  {
    Story story;  // a lost put
    story.add(Act::put, 1, 2, 1);
    story.missed(3, 4);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // a value that was never put
    story.add(Act::get, 1, 2, 7);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // two puts of one name
    story.add(Act::put, 1, 2, 1);
    story.add(Act::put, 1, 2, 2);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // the old value after the new one
    story.add(Act::put, 1, 2, 1);
    story.add(Act::replace, 3, 10, 2);
    story.add(Act::get, 4, 5, 2);
    story.add(Act::get, 6, 7, 1);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // a replaced object by its key, after the replacement has returned
    story.add(Act::put, 1, 2, 1);
    story.add(Act::replace, 3, 4, 2);
    story.add(Act::get_key, 5, 6, 1);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // evicted twice
    story.add(Act::put, 1, 2, 1);
    story.evicted(true, 3, 10);
    story.evicted(true, 3, 10);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // a generation that does not grow
    story.add(Act::put, 1, 2, 5);
    story.add(Act::replace, 3, 4, 2);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // not listed although it exists
    story.add(Act::put, 1, 2, 1);
    story.add(Act::list, 3, 4);
    EXPECT_FALSE(story.holds());
  }
}

TEST(KillHistory, LetsADoubtHappenWhollyOrNot) {
  for (const bool there : {true, false}) {
    Story story;
    story.in_doubt(Act::put, 1, 10, 1);
    if (there) {
      story.add(Act::get, 20, 21, 1);
    } else {
      story.missed(20, 21);
      story.add(Act::put, 22, 23, 2);
    }
    EXPECT_TRUE(story.holds()) << there;
  }
  {
    Story story;  // no effect at first, and later an effect
    story.in_doubt(Act::put, 1, 10, 1);
    story.missed(20, 21);
    story.add(Act::get, 22, 23, 1);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // an effect at first, and later none
    story.in_doubt(Act::evict, 3, 10);
    story.add(Act::put, 1, 2, 1);
    story.missed(4, 5);
    story.add(Act::get, 6, 7, 1);
    EXPECT_FALSE(story.holds());
  }
  {
    Story story;  // half an effect: gone by name, there by key
    story.add(Act::put, 1, 2, 1);
    story.in_doubt(Act::evict, 3, 10);
    story.missed(11, 12);
    story.add(Act::get_key, 13, 14, 1);
    EXPECT_FALSE(story.holds());
  }
}

}  // namespace
}  // namespace locum::tests
