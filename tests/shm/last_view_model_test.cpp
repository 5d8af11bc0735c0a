#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <cstddef>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of the end of an object table while views of it are left: retain and release by threads that have
// views, leave by the last owner, as the atomic operations that shm/table/view_count.hpp makes, in every
// interleaving of a sequentially consistent memory. Memory that is touched after its end, an end that comes
// twice and one that never comes are wrong. Broken variants show that the model would see it.
namespace locum::tests::last_view_model_test {
namespace {

enum class Fault { none, notes_after_mark, passes_busy, reads_keepers_unmarked, no_share_of_its_own };

constexpr int busy = 15;
constexpr int orphaned = 8;  // a bit beside the number of views
constexpr std::size_t slots = 2;

struct LastViewModel {
  Fault fault = Fault::none;

  std::array<int, slots> count{2, 1};
  int keepers = 1;
  int ends = 0;          // of the table
  bool touched = false;  // after its end

  struct Viewer {
    std::size_t slot = 0;
    int views = 1;    // that it still has to end
    int retains = 0;  // that it makes before
    int at = 0;
    int expected = 0;
    auto operator<=>(const Viewer&) const = default;
  };
  std::array<Viewer, 3> viewers{Viewer{.slot = 0, .retains = 1}, Viewer{.slot = 0}, Viewer{.slot = 1}};
  struct Leaver {
    std::size_t slot = 0;
    int at = 0;
    int expected = 0;
    auto operator<=>(const Leaver&) const = default;
  };
  Leaver leaver{};

  auto operator<=>(const LastViewModel&) const = default;

  [[nodiscard]] int threads() const { return 4; }
  [[nodiscard]] std::string wrong() const {
    return touched ? "touched after its end" : ends > 1 ? "ended twice" : "";
  }
  [[nodiscard]] bool finished() const { return ends == 1; }

  bool step(int thread) { return thread < 3 ? view(viewers[static_cast<std::size_t>(thread)]) : leave(); }

  void touch() { touched = touched || ends > 0; }
  void let_go() {
    touch();
    if (--keepers == 0) {
      ++ends;
    }
  }

  bool view(Viewer& me) {
    int& views = count[me.slot];
    switch (me.at) {
      case 0:
        if (me.retains > 0) {
          touch();
          ++views;
          --me.retains;
          ++me.views;
          return true;
        }
        if (me.views == 0) {
          return false;
        }
        touch();
        me.expected = views;
        me.at = 1;
        return true;
      case 1:  // compare and exchange
        touch();
        if (views != me.expected) {
          me.expected = views;
        } else if ((me.expected & ~orphaned) == 1) {
          views = busy;
          me.at = 2;
        } else {
          --views;
          --me.views;
          me.at = 0;
        }
        return true;
      case 2:  // the bit
        touch();
        me.at = 3;
        return true;
      case 3:
        touch();
        views = 0;
        --me.views;
        me.at = me.expected != 1 || fault == Fault::reads_keepers_unmarked ? 4 : 0;
        return true;
      case 4:
        let_go();
        me.at = 0;
        return true;
      default:
        return false;
    }
  }

  bool leave() {
    if (leaver.slot == slots) {
      if (leaver.at != 0) {
        return false;
      }
      leaver.at = 1;
      if (fault == Fault::no_share_of_its_own) {
        if (keepers == 1) {  // nobody was noted
          ++ends;
        }
      } else {
        let_go();
      }
      return true;
    }
    int& views = count[leaver.slot];
    switch (leaver.at) {
      case 0:
        leaver.expected = views;
        if (leaver.expected == 0 || (leaver.expected == busy && fault == Fault::passes_busy)) {
          ++leaver.slot;
        } else if (leaver.expected == busy) {
          return false;  // looked at again
        } else {
          leaver.at = fault == Fault::notes_after_mark ? 2 : 1;
        }
        return true;
      case 1:  // note
        ++keepers;
        leaver.at = fault == Fault::notes_after_mark ? 0 : 2;
        leaver.slot += fault == Fault::notes_after_mark ? 1 : 0;
        return true;
      case 2:  // compare and exchange
        if (views == leaver.expected) {
          views |= orphaned;
          if (fault == Fault::notes_after_mark) {
            leaver.at = 1;
          } else {
            leaver.at = 0;
            ++leaver.slot;
          }
        } else {
          leaver.at = fault == Fault::notes_after_mark ? 0 : 3;
        }
        return true;
      default:  // not marked: take the note back
        --keepers;
        leaver.at = 0;
        return true;
    }
  }
};

TEST(LastViewModel, EndsTheTableOnceAndAfterEverybody) {
  const Walk walk = walk_all(LastViewModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 1000U);
}

TEST(LastViewModel, SeesEveryFault) {
  for (const Fault fault : {Fault::notes_after_mark, Fault::passes_busy, Fault::reads_keepers_unmarked,
                            Fault::no_share_of_its_own}) {
    EXPECT_NE(walk_all(LastViewModel{.fault = fault}).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::last_view_model_test
