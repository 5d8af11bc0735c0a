#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of one slot of the object table: pin, release, tombstone, collect and reuse, each as the atomic
// operations that shm/table/object_table.cpp makes, in every interleaving of a sequentially consistent
// memory. (The operations that the proof rests on are sequentially consistent there; what is weaker only
// carries data from a thread to the next, which the stress tests show to ThreadSanitizer.) Two readers share
// a process, a third is alone in another; an evictor of any process tombstones; the owner collects and uses
// the slot again. The third reader's process and the owner may die at any step: the pins of the one are
// dropped, the other's dead entry is collected by its adopter, which does not use the slot again.
//
// Invariants: a reader that has pinned an object sees its bytes and no others until it lets go; at the end no
// tombstone and no pin is left. Broken variants show that the model would see it.
namespace locum::tests::pin_model_test {
namespace {

enum class Fault {
  none,
  no_second_look,
  look_before_bit,
  no_bits_read,
  no_busy,
  clears_bit_early,
  pins_of_the_dead_stay,
  drops_pins_of_the_living,
  drops_pins_of_all,
  adopter_reads_no_bits,
  adopter_takes_the_stack_only,
};

constexpr int sequences = 2;  // objects that live in the slot one after another
constexpr int busy = -1;

struct PinModel {
  Fault fault = Fault::none;
  bool deaths = false;                 // whether somebody may die
  std::array<int, 3> rounds{2, 2, 1};  // of each reader

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
  // After deaths.
  bool reader_dead = false;
  bool dropped = false;
  bool owner_dead = false;
  bool adopted = false;
  bool own_list = false;  // the owner has taken the entry from the stack
  int misread = -1;       // what a reader saw instead of its object

  auto operator<=>(const PinModel&) const = default;

  static int process_of(int reader) { return reader < 2 ? 0 : 1; }
  [[nodiscard]] int threads() const { return 7; }
  [[nodiscard]] int events() const { return deaths ? 2 : 0; }
  bool happen(int event) {
    if (event == 0 && !reader_dead) {
      return reader_dead = true;
    }
    if (event == 1 && !owner_dead && owner.at != done) {
      own_list = false;
      owner.at = 0;
      return owner_dead = true;
    }
    return false;
  }
  [[nodiscard]] std::string wrong() const {
    return misread < 0 ? "" : "a reader saw the bytes of object " + std::to_string(misread);
  }
  [[nodiscard]] bool finished() const {
    for (std::size_t reader = 0; reader < readers.size(); ++reader) {
      if (readers[reader].rounds != rounds[reader] && !(reader_dead && reader == 2)) {
        return false;
      }
    }
    // Everything that was tombstoned has come back, but for a last object that may live.
    return state != State::tombstone && !bit[0] && !bit[1] && views[0] == 0 && (views[1] == 0 || reader_dead);
  }

  static constexpr int done = 100;

  bool step(int thread) {
    if (thread < 3) {
      return !(reader_dead && thread == 2) && read(thread);
    }
    switch (thread) {
      case 3:
        return evict();
      case 4:
        return (!owner_dead || adopted) && collect();
      case 5:
        return drop_pins();
      default:
        return adopt();
    }
  }

  [[nodiscard]] bool live(int key) const { return sequence == key && state == State::live; }

  bool next_round(Reader& me) {
    ++me.rounds;
    me.at = 0;
    me.key = 1;
    me.expected = 0;
    return true;
  }

  bool read(int reader) {
    Reader& me = readers[static_cast<std::size_t>(reader)];
    if (me.rounds == rounds[static_cast<std::size_t>(reader)]) {
      return false;
    }
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
        own_list = state == State::tombstone;  // or an adopter has freed it before it was pushed
        retired = 0;
        if (own_list) {
          const bool looks =
              fault != Fault::no_bits_read && !(fault == Fault::adopter_reads_no_bits && owner_dead);
          owner.at = looks ? 1 : 3;
        }
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
        owner.at = owner_dead ? 0 : sequence == sequences ? done : 5;
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

  bool drop_pins() {
    const bool asked = reader_dead || fault == Fault::drops_pins_of_the_living;
    if (dropped || !asked || fault == Fault::pins_of_the_dead_stay) {
      return false;
    }
    bit[1] = false;
    if (fault == Fault::drops_pins_of_all) {
      bit[0] = false;
    }
    return dropped = true;
  }

  bool adopt() {
    if (!owner_dead || adopted) {
      return false;
    }
    own_list = state == State::tombstone && fault != Fault::adopter_takes_the_stack_only;
    return adopted = true;
  }
};

const PinModel three_readers{};
const PinModel with_deaths = [] {
  PinModel model;
  model.deaths = true;
  model.rounds = {2, 0, 2};
  return model;
}();

TEST(PinModel, NoReaderSeesReusedMemoryInAnyInterleaving) {
  const Walk walk = walk_all(three_readers);
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100'000U);
}

TEST(PinModel, NorWhenItsProcessOrTheOwnerDies) {
  const Walk walk = walk_all(with_deaths);
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100'000U);
}

TEST(PinModel, SeesEachPartThatIsMissing) {
  const auto finds = [](PinModel model, Fault fault) {
    model.fault = fault;
    return !walk_all(model).wrong.empty();
  };
  for (const Fault fault : {Fault::no_second_look, Fault::look_before_bit, Fault::no_bits_read,
                            Fault::no_busy, Fault::clears_bit_early}) {
    EXPECT_TRUE(finds(three_readers, fault)) << static_cast<int>(fault);
  }
  for (const Fault fault : {Fault::no_second_look, Fault::no_bits_read, Fault::pins_of_the_dead_stay,
                            Fault::drops_pins_of_the_living, Fault::drops_pins_of_all,
                            Fault::adopter_reads_no_bits, Fault::adopter_takes_the_stack_only}) {
    EXPECT_TRUE(finds(with_deaths, fault)) << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::pin_model_test
