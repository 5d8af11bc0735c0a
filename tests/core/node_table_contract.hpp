#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/core/collect_into.hpp"
#include "tests/core/node_process.hpp"

/// Contract tests of the NodeTable port, for every implementation: INSTANTIATE_TEST_SUITE_P(…,
/// NodeTableContract, …) with a maker of new nodes. One program simulates several processes; random
/// operations are compared with a plain std::map.
namespace locum::tests {

class NodeTableContract : public testing::TestWithParam<NodeMaker> {
 protected:
  static constexpr std::uint32_t store = 7;

  std::vector<NodeProcess> node_ = GetParam().make(3);
  const NodeProcess& owner_ = node_[0];
  const NodeProcess& reader_ = node_[1];
  const NodeProcess& other_ = node_[2];
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NodeTableContract);

/// All objects ever made on a node, as a std::map.
class NodeTableModel {
 public:
  explicit NodeTableModel(std::vector<NodeProcess>& node) : node_(node) {}

  void publish(std::size_t process, std::uint32_t store) {
    const std::uint64_t word = ++last_word_;
    const auto key = node_[process].publish(store, word);
    RC_ASSERT(key.has_value());
    RC_ASSERT(key->store == store);
    RC_ASSERT(objects_.emplace(*key, Object{process, word}).second);
    keys_.push_back(*key);
  }
  void pin(std::size_t process, std::size_t which) {
    if (keys_.empty()) {
      return;
    }
    const Key key = keys_[which % keys_.size()];
    const Object& object = objects_.at(key);
    const auto pin = node_[process].table->pin(key);
    RC_ASSERT(pin.has_value() == object.live);
    if (pin) {
      RC_ASSERT(pin->key == key);
      RC_ASSERT(pin->generation == 0U);
      RC_ASSERT(node_[process].word(*pin) == object.word);
      views_.push_back({process, *pin});
    } else {
      RC_ASSERT(pin.error().code() == Errc::not_found);
    }
  }
  void pin_again(std::size_t which) {
    if (!views_.empty()) {
      const View view = views_[which % views_.size()];
      node_[view.process].table->retain(view.pin.id);
      views_.push_back(view);
    }
  }
  void release(std::size_t which) {
    if (!views_.empty()) {
      const auto view = views_.begin() + static_cast<std::ptrdiff_t>(which % views_.size());
      check(*view);
      node_[view->process].table->release(view->pin.id);
      views_.erase(view);
    }
  }
  void tombstone(std::size_t process, std::size_t which) {
    if (!keys_.empty()) {
      const Key key = keys_[which % keys_.size()];
      Object& object = objects_.at(key);
      RC_ASSERT(node_[process].table->tombstone(key) == object.live);
      object.live = false;
    }
  }
  // Thorough: exactly the dead objects without a view. Amortised: some of these, and nothing else.
  void collect(std::size_t process, Effort effort) {
    std::set<std::uint64_t> free_words;
    Owned owned;
    for (const auto& [key, object] : objects_) {
      owned.live += object.creator == process && object.live ? 1 : 0;
      if (object.creator == process && !object.live && !object.collected) {
        if (const auto view = viewed(key); view != views_.end()) {
          ++owned.pinned.objects;
          owned.pinned.bytes += view->pin.record->block_bytes();
        } else {
          free_words.insert(object.word);
        }
      }
    }
    Owned said;
    for (const std::uint64_t word : node_[process].collect(effort, &said)) {
      RC_ASSERT(free_words.erase(word) == 1U);
      std::ranges::find(objects_, word, [](const auto& each) { return each.second.word; })->second.collected =
          true;
    }
    if (effort == Effort::thorough) {
      RC_ASSERT(free_words.empty());
      RC_ASSERT(said.live == owned.live);
      RC_ASSERT(said.pinned.objects == owned.pinned.objects);
      RC_ASSERT(said.pinned.bytes == owned.pinned.bytes);
    }
  }
  void owned(std::size_t process, std::uint32_t store) const {
    std::set<Key> expected;
    for (const auto& [key, object] : objects_) {
      if (object.creator == process && object.live && key.store == store) {
        expected.insert(key);
      }
    }
    const std::vector<Key> keys = node_[process].table->keys(store, Whose::own);
    RC_ASSERT(keys.size() == expected.size());
    RC_ASSERT(std::set<Key>(keys.begin(), keys.end()) == expected);
  }
  void check_all() const {
    for (const View& view : views_) {
      check(view);
    }
  }
  void release_all() {
    while (!views_.empty()) {
      release(0);
    }
  }

 private:
  struct Object {
    std::size_t creator = 0;
    std::uint64_t word = 0;
    bool live = true;
    bool collected = false;
  };
  struct View {
    std::size_t process = 0;
    Pin pin;
  };

  [[nodiscard]] std::vector<View>::const_iterator viewed(const Key& key) const {
    return std::ranges::find(views_, key, [](const View& view) { return view.pin.key; });
  }
  void check(const View& view) const {
    const NodeProcess& process = node_[view.process];
    RC_ASSERT(process.word(view.pin) == objects_.at(view.pin.key).word);
    const ObjectFacts facts = process.table->describe(view.pin.id);
    RC_ASSERT(facts.key == view.pin.key);
    RC_ASSERT(facts.size_bytes == view.pin.record->size_bytes);
  }

  std::vector<NodeProcess>& node_;
  std::map<Key, Object> objects_;
  std::vector<Key> keys_;
  std::vector<View> views_;
  std::uint64_t last_word_ = 0;
};

TEST_P(NodeTableContract, DoesWhatAMapWouldDo) {
  const bool held = rc::check([&] {
    auto node = GetParam().make(3);
    NodeTableModel model(node);
    const auto steps =
        *rc::gen::scale(4.0, rc::gen::container<std::vector<std::tuple<int, std::uint16_t, std::uint16_t>>>(
                                 rc::gen::tuple(rc::gen::inRange(0, 12), rc::gen::arbitrary<std::uint16_t>(),
                                                rc::gen::arbitrary<std::uint16_t>())));
    for (const auto& [what, who, which] : steps) {
      const std::size_t process = who % node.size();
      switch (what) {
        case 0:
        case 1:
        case 2:
          model.publish(process, 1U + which % 2U);
          break;
        case 3:
        case 4:
          model.pin(process, which);
          break;
        case 5:
          model.pin_again(which);
          break;
        case 6:
        case 7:
          model.release(which);
          break;
        case 8:
        case 9:
          model.tombstone(process, which);
          break;
        case 10:
          model.collect(process, which % 2 == 0 ? Effort::amortised : Effort::thorough);
          break;
        default:
          model.owned(process, 1U + which % 2U);
          model.check_all();
      }
    }
    model.release_all();
    for (std::size_t process = 0; process < node.size(); ++process) {
      model.collect(process, Effort::thorough);
      model.owned(process, 1);
    }
  });
  EXPECT_TRUE(held) << "rapidcheck has printed the shrunk steps and the seed above";
}

TEST_P(NodeTableContract, ShowsAnObjectToEveryProcessByItsKey) {
  const Key key = owner_.publish(store, 42).value();
  EXPECT_EQ(key.store, store);
  EXPECT_TRUE(key.valid());
  EXPECT_NE(key.creator, other_.publish(store, 43).value().creator) << "a key names the object's creator";
  for (const NodeProcess& process : node_) {
    const auto pin = process.table->pin(key);
    ASSERT_TRUE(pin) << pin.error();
    EXPECT_EQ(pin->key, key);
    EXPECT_EQ(pin->record->store, store);
    EXPECT_EQ(pin->record->size_bytes, sizeof(std::uint64_t));
    EXPECT_EQ(process.word(*pin), 42U);
    process.table->release(pin->id);
  }
}

TEST_P(NodeTableContract, AnswersNotFoundToWhateverIsNoLiveObject) {
  const Key live = owner_.publish(store, 42).value();
  const Key dead = owner_.publish(store, 43).value();
  EXPECT_TRUE(reader_.table->tombstone(dead));
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  std::vector<Key> wrong{Key{},
                         dead,
                         {store, live.creator, most},
                         {store, ~0U, live.serial},
                         {store, live.creator + 100, live.serial},
                         {store, live.creator, 0}};
  for (unsigned bit = 0; bit < 32; ++bit) {
    wrong.push_back({live.store ^ (1U << bit), live.creator, live.serial});
    wrong.push_back({live.store, live.creator ^ (1U << bit), live.serial});
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    wrong.push_back({live.store, live.creator, live.serial ^ (std::uint64_t{1} << bit)});
  }
  for (const Key& key : wrong) {
    for (const NodeProcess& process : node_) {
      EXPECT_EQ(errc_of(process.table->pin(key)), Errc::not_found) << key;
    }
  }
  // No refused call left a pin, which would keep an object.
  EXPECT_TRUE(reader_.table->tombstone(live));
  EXPECT_EQ(owner_.collect(Effort::thorough).size(), 2U);
}

TEST_P(NodeTableContract, TombstonesALiveObjectOnceAndNothingElse) {
  const Key key = owner_.publish(store, 42).value();
  for (const Key& wrong : {Key{}, Key{store, key.creator + 1, key.serial}, Key{store, key.creator, ~0ULL}}) {
    EXPECT_FALSE(owner_.table->tombstone(wrong)) << wrong;
  }
  EXPECT_TRUE(other_.table->tombstone(key)) << "any process may evict it";
  for (const NodeProcess& process : node_) {
    EXPECT_FALSE(process.table->tombstone(key));
    EXPECT_EQ(errc_of(process.table->pin(key)), Errc::not_found);
  }
  EXPECT_EQ(owner_.collect(Effort::thorough), std::vector<std::uint64_t>{42});
  EXPECT_FALSE(owner_.table->tombstone(key)) << "nor once its memory is free";
}

TEST_P(NodeTableContract, TellsWithoutAPinWhatHasNoName) {
  const Key unnamed = owner_.publish(store, 1).value();
  const Key named = owner_.publish(store, 2, "x").value();
  for (const NodeProcess& process : node_) {
    EXPECT_TRUE(process.table->unnamed(unnamed));
    EXPECT_FALSE(process.table->unnamed(named));
    EXPECT_FALSE(process.table->unnamed({store + 1, unnamed.creator, unnamed.serial}));
    EXPECT_FALSE(process.table->unnamed({store, unnamed.creator, named.serial + 1}));
  }
  EXPECT_TRUE(reader_.table->tombstone(unnamed));
  for (const NodeProcess& process : node_) {
    EXPECT_FALSE(process.table->unnamed(unnamed));
  }
}

TEST_P(NodeTableContract, LivesUntilItsLastViewIsGone) {
  auto node = GetParam().make(2);
  const Key key = node[0].publish(store, 42, "x").value();
  const Pin pin = node[1].table->pin(key).value();
  PinBoard& board = *node[1].table;
  node.clear();
  EXPECT_EQ(board.describe(pin.id).key, key);
  board.retain(pin.id);
  board.release(pin.id);
  EXPECT_EQ(board.describe(pin.id).name, "x");
  board.release(pin.id);
}

TEST_P(NodeTableContract, KeepsADeadObjectAsLongAsAnybodyViewsIt) {
  const Key key = owner_.publish(store, 42).value();
  const Pin first = reader_.table->pin(key).value();
  const Pin second = other_.table->pin(key).value();
  reader_.table->retain(first.id);
  EXPECT_TRUE(owner_.table->tombstone(key));
  const auto still_kept = [&] {
    Owned owned;
    const bool nothing = owner_.collect(Effort::thorough, &owned).empty();
    return nothing && owned.live == 0 && owned.pinned.objects == 1 &&
           owned.pinned.bytes == first.record->block_bytes() && reader_.word(first) == 42U &&
           reader_.table->describe(first.id).key == key;
  };
  EXPECT_TRUE(still_kept());
  reader_.table->release(first.id);
  EXPECT_TRUE(still_kept()) << "retained once";
  other_.table->release(second.id);
  EXPECT_TRUE(still_kept()) << "one of two processes still has a view";
  reader_.table->release(first.id);
  EXPECT_EQ(owner_.collect(Effort::thorough), std::vector<std::uint64_t>{42});
}

TEST_P(NodeTableContract, HandsEachDeadObjectOnceToWhoMadeIt) {
  std::set<std::uint64_t> words;
  for (std::uint64_t word = 1; word <= 100; ++word) {
    const Key key = (word % 2 == 0 ? owner_ : other_).publish(store, word).value();
    EXPECT_TRUE(node_[word % 3].table->tombstone(key));
    if (word % 2 == 0) {
      words.insert(word);
    }
  }
  EXPECT_TRUE(reader_.collect(Effort::thorough).empty()) << "it made nothing";
  std::vector<ObjectRecord> dead;
  (void)collect_into(*owner_.table, dead, Effort::thorough);
  ASSERT_EQ(dead.size(), words.size());
  for (const ObjectRecord& record : dead) {
    const Pin pin{.id = 0, .key = {}, .record = &record, .generation = 0};
    EXPECT_EQ(words.erase(owner_.word(pin)), 1U);
  }
  EXPECT_TRUE(owner_.collect(Effort::thorough).empty());
  EXPECT_EQ(other_.collect(Effort::thorough).size(), 50U);
}

// Each call takes constant time: as many calls as objects suffice, whatever is pinned meanwhile.
TEST_P(NodeTableContract, CollectsAllInTheEndByAmortisedCallsAlone) {
  constexpr std::uint64_t count = 64;
  std::vector<Pin> pins;
  std::size_t freed = 0;
  for (std::uint64_t word = 1; word <= count; ++word) {
    const Key key = owner_.publish(store, word).value();
    pins.push_back(reader_.table->pin(key).value());
    EXPECT_TRUE(owner_.table->tombstone(key));
    freed += owner_.collect(Effort::amortised).size();
  }
  EXPECT_EQ(freed, 0U);
  for (const Pin& pin : pins) {
    reader_.table->release(pin.id);
  }
  for (std::uint64_t call = 0; call < count; ++call) {
    freed += owner_.collect(Effort::amortised).size();
  }
  EXPECT_EQ(freed, count);
}

TEST_P(NodeTableContract, NeverGivesAKeyTwice) {
  std::set<Key> keys;
  for (std::uint64_t word = 0; word < 2000; ++word) {
    const Key key = owner_.publish(store, word).value();
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_TRUE(owner_.table->tombstone(key));
    (void)owner_.collect(Effort::amortised);
  }
  for (const Key& key : keys) {
    EXPECT_EQ(errc_of(reader_.table->pin(key)), Errc::not_found);
  }
}

TEST_P(NodeTableContract, ListsTheLiveObjectsOfAStoreThatAProcessMade) {
  const Key mine = owner_.publish(store, 1).value();
  const Key dead = owner_.publish(store, 2).value();
  (void)owner_.publish(store + 1, 3).value();
  (void)other_.publish(store, 4).value();
  EXPECT_TRUE(owner_.table->tombstone(dead));
  EXPECT_EQ(owner_.table->keys(store, Whose::own), std::vector<Key>{mine});
  EXPECT_TRUE(reader_.table->keys(store, Whose::own).empty());
  EXPECT_TRUE(owner_.table->keys(store + 2, Whose::own).empty());
}

TEST_P(NodeTableContract, ListsTheObjectsOfAllProcesses) {
  const Key mine = owner_.publish(store, 1).value();
  const Key theirs = other_.publish(store, 2).value();
  const Key dead = other_.publish(store, 3).value();
  (void)owner_.publish(store + 1, 4).value();
  EXPECT_TRUE(reader_.table->tombstone(dead));
  std::vector<Key> all{mine, theirs};
  std::ranges::sort(all);
  for (auto* const process : {&owner_, &other_, &reader_}) {
    std::vector<Key> keys = process->table->keys(store, Whose::node);
    std::ranges::sort(keys);
    EXPECT_EQ(keys, all);
  }
}

TEST_P(NodeTableContract, ShowsNoGenerationWhileOneIsAskedFor) {
  const Key key = owner_.publish(store, 1).value();
  owner_.table->set_generation(key, generation_asked_for);
  const Pin asked = reader_.table->pin(key).value();
  EXPECT_EQ(asked.generation, 0U);
  EXPECT_EQ(reader_.table->describe(asked.id).generation, 0U);
  reader_.table->release(asked.id);
  EXPECT_TRUE(owner_.table->own_keys(Having::unsettled_name).empty()) << "its maker lives";
  owner_.table->set_generation(key, 9);
  const Pin told = reader_.table->pin(key).value();
  EXPECT_EQ(told.generation, 9U);
  reader_.table->release(told.id);
}

TEST_P(NodeTableContract, ListsTheOwnObjectsThatExpire) {
  (void)owner_.publish(store, 1).value();
  const Key mine = owner_.publish(store, 2, "expires", 77).value();
  const Key other = owner_.publish(store + 1, 3, {}, 78).value();
  const Key dead = owner_.publish(store, 4, {}, 79).value();
  const Key theirs = other_.publish(store, 5, {}, 80).value();
  EXPECT_TRUE(reader_.table->tombstone(dead));
  std::vector<Key> keys = owner_.table->own_keys(Having::lifetime);
  std::ranges::sort(keys);
  std::vector<Key> all{mine, other};
  std::ranges::sort(all);
  EXPECT_EQ(keys, all);
  EXPECT_EQ(other_.table->own_keys(Having::lifetime), std::vector<Key>{theirs});
  EXPECT_TRUE(reader_.table->own_keys(Having::lifetime).empty());
  const Pin pin = reader_.table->pin(mine).value();
  EXPECT_EQ(reader_.table->expires_ns(pin.id), 77U);
  EXPECT_EQ(reader_.word(pin), 2U);
  reader_.table->release(pin.id);
}

// Two threads in each process. A word that is not the object's own means that the memory was reused under a
// view.
TEST_P(NodeTableContract, KeepsViewsWholeWhileOthersFreeAndReuse) {
  constexpr int rounds = 2000;
  std::array<std::atomic<std::uint64_t>, 4> serials{};
  std::atomic<std::uint32_t> creator{owner_.publish(store, 0).value().creator};
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int round = 0; round < rounds; ++round) {
      // The word is computed from the object's serial, so that a reader knows what to expect.
      const Key key = owner_.publish(store, static_cast<std::uint64_t>(round)).value();
      const std::uint64_t before = serials[static_cast<std::size_t>(round) % 4].exchange(key.serial);
      (void)owner_.table->tombstone({store, creator, before});
      (void)owner_.collect(Effort::amortised);
    }
  });
  for (unsigned index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      const NodeProcess& process = index % 2 == 0 ? reader_ : other_;
      for (int round = 0; round < rounds; ++round) {
        const std::size_t place = (static_cast<unsigned>(round) + index) % 4;
        const Key key{store, creator, serials[place]};
        if (const auto pin = process.table->pin(key)) {
          const std::uint64_t word = process.word(*pin);
          std::this_thread::yield();
          torn += pin->key != key || word % 4 != place || process.word(*pin) != word ? 1 : 0;
          process.table->release(pin->id);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(torn, 0);
  for (const Key& key : owner_.table->keys(store, Whose::own)) {
    EXPECT_TRUE(reader_.table->tombstone(key));
  }
  (void)owner_.collect(Effort::thorough);
  EXPECT_EQ(owner_.arena->usage().used, 0U);
}

}  // namespace locum::tests
