#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of one slot of the object table: pin, release, tombstone, collect and reuse, each as the atomic
// operations that shm/object_table.cpp makes, in every interleaving of a sequentially consistent memory. (The
// operations that the proof rests on are sequentially consistent there; what is weaker only carries data from
// a thread to the next, which the stress test shows to ThreadSanitizer.) Two readers share a process, a third
// is alone in another; an evictor of any process tombstones; the owner collects and uses the slot again.
// Broken variants show that the model would see it.
namespace locum::tests {
namespace {

enum class Fault { none, no_second_look, look_before_bit, no_bits_read, no_busy, clears_bit_early };

constexpr int sequences = 2;  // objects that live in the slot one after another
constexpr int busy = -1;

struct PinModel {
  Fault fault = Fault::none;

  // Shared memory.
  int sequence = 1;  // of the tag
  enum class State { free, live, tombstone } state = State::live;
  std::array<bool, 2> bit{};  // by process
  int retired = 0;            // entries in the stack
  int payload = 1;            // which object's bytes the block holds; 0: poison
  // Private to each process.
  std::array<int, 2> views{};

  struct Reader {
    int at = 0;
    int key = 1;       // sequence that it asks for
    int expected = 0;  // what it read of `views`
    int rounds = 0;
    auto operator<=>(const Reader&) const = default;
  };
  std::array<Reader, 3> readers{};
  struct Other {
    int at = 0;
    auto operator<=>(const Other&) const = default;
  };
  Other evictor;
  Other owner;
  bool own_list = false;  // the owner has taken the entry from the stack
  int misread = -1;       // what a reader saw instead of its object

  auto operator<=>(const PinModel&) const = default;

  static int process_of(int reader) { return reader < 2 ? 0 : 1; }
  [[nodiscard]] int threads() const { return 5; }
  [[nodiscard]] std::string wrong() const {
    return misread < 0 ? "" : "a reader saw the bytes of object " + std::to_string(misread);
  }
  [[nodiscard]] bool finished() const {
    for (const Reader& reader : readers) {
      if (reader.at != done) {
        return false;
      }
    }
    // Everything that was tombstoned has come back, but for a last object that may live.
    return state != State::tombstone && !bit[0] && !bit[1] && views[0] == 0 && views[1] == 0;
  }

  static constexpr int done = 100;
  static constexpr std::array<int, 3> rounds{2, 2, 1};

  bool step(int thread) {
    if (thread < 3) {
      return read(thread);
    }
    return thread == 3 ? evict() : collect();
  }

  [[nodiscard]] bool live(int key) const { return sequence == key && state == State::live; }

  bool next_round(Reader& me) {
    me.at = ++me.rounds == rounds[static_cast<std::size_t>(&me - readers.data())] ? done : 0;
    me.key = 1;
    me.expected = 0;
    return true;
  }

  bool read(int reader) {
    Reader& me = readers[static_cast<std::size_t>(reader)];
    const auto process = static_cast<std::size_t>(process_of(reader));
    int& count = views[process];
    switch (me.at) {
      case 0:  // first look; a key that is not live is given up, then the next one
        if (!live(me.key)) {
          if (me.key < sequence) {
            ++me.key;
            return true;
          }
          return next_round(me);
        }
        me.at = fault == Fault::look_before_bit ? 20 : 2;
        return true;
      case 20:  // fault: the look that should follow the bit, before it
        if (!live(me.key)) {
          return next_round(me);
        }
        me.at = 2;
        return true;
      case 2:  // load views
        me.expected = count;
        me.at = me.expected == busy ? 2 : 3;
        return me.at == 3;
      case 3:  // compare and exchange
        if (count != me.expected) {
          me.at = 2;
        } else if (me.expected == 0) {
          count = fault == Fault::no_busy ? 1 : busy;
          me.at = 4;
        } else {
          count = me.expected + 1;
          me.at = 6;
        }
        return true;
      case 4:  // set the bit
        bit[process] = true;
        me.at = fault == Fault::no_busy ? 6 : 5;
        return true;
      case 5:
        count = 1;
        me.at = 6;
        return true;
      case 6:  // second look
        if (fault != Fault::no_second_look && fault != Fault::look_before_bit && !live(me.key)) {
          me.at = 10;
        } else {
          me.at = 7;
        }
        return true;
      case 7:  // read the payload, twice
      case 8:
        if (payload != me.key) {
          misread = payload;
        }
        me.at = me.at == 7 ? 8 : 10;
        return true;
      case 10:  // release: load views
        me.expected = count;
        me.at = 11;
        return true;
      case 11:
        if (count != me.expected) {
          me.at = 10;
        } else if (me.expected == 1) {
          if (fault == Fault::clears_bit_early) {
            bit[process] = false;  // before the count says so
            me.at = 14;
            return true;
          }
          count = fault == Fault::no_busy ? 0 : busy;
          me.at = 12;
        } else {
          count = me.expected - 1;
          return next_round(me);
        }
        return true;
      case 12:
        bit[process] = false;
        me.at = 13;
        return fault == Fault::no_busy ? next_round(me) : true;
      case 13:
        count = 0;
        return next_round(me);
      case 14:  // fault: only now
        if (count == 1) {
          count = 0;
          return next_round(me);
        }
        me.at = 10;
        return true;
      default:
        return false;
    }
  }

  bool evict() {
    switch (evictor.at) {
      case 0:
        if (state != State::live) {
          return false;  // looks again when there is one
        }
        state = State::tombstone;
        evictor.at = 1;
        return true;
      default:
        ++retired;
        evictor.at = 0;
        return true;
    }
  }

  bool collect() {
    switch (owner.at) {
      case 0:  // take the stack
        if (retired == 0 && !own_list) {
          return false;
        }
        own_list = own_list || retired > 0;
        retired = 0;
        owner.at = fault == Fault::no_bits_read ? 3 : 1;
        return true;
      case 1:
      case 2:  // the bit of each process
        if (bit[static_cast<std::size_t>(owner.at - 1)]) {
          return false;  // looked at again, for as long as it is pinned
        }
        ++owner.at;
        return true;
      case 3:
        payload = 0;
        owner.at = 4;
        return true;
      case 4:
        state = State::free;
        own_list = false;
        owner.at = sequence == sequences ? done : 5;
        return true;
      case 5:
        payload = sequence + 1;
        owner.at = 6;
        return true;
      case 6:
        ++sequence;
        state = State::live;
        owner.at = 0;
        return true;
      default:
        return false;
    }
  }
};

TEST(PinModel, NoReaderSeesReusedMemoryInAnyInterleaving) {
  const Walk walk = walk_all(PinModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100'000U);
}

TEST(PinModel, SeesEachPartThatIsMissing) {
  for (const Fault fault : {Fault::no_second_look, Fault::look_before_bit, Fault::no_bits_read,
                            Fault::no_busy, Fault::clears_bit_early}) {
    PinModel model;
    model.fault = fault;
    EXPECT_NE(walk_all(model).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests
