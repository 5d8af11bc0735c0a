#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/peer_close_monitor.hpp"
#include "core/node/node_memory.hpp"
#include "core/object/internal_stores.hpp"
#include "core/value/hyperslab.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/fences.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/transport/ucx/mortal_rank.hpp"

namespace locum::tests {

/// The program of one rank in a run in which some die: it works on the same names as the others, until the
/// victim has reached its moment, and from there to the end.
class Life {
 public:
  Life(Group& group, const Fate& fate, const SharedBoard& board, std::uint64_t seed)
      : fate_(fate),
        board_(board),
        self_(group, fate, board, seed),
        rank_(self_.rank()),
        ranks_per_node_(self_.ranks_per_node()),
        random_(seed * mortals + static_cast<std::uint64_t>(rank_)) {
    small_ = made_by_all(group, 64);
    large_ = made_by_all(group, large_bytes);
    // Not by the group: that one of its ranks has left a barrier does not mean that all have.
    meet();
    self_.arm();
  }

  /// What was wrong; empty: nothing.
  std::string live() {
    for (round_ = 1; round_ <= rounds && wrong_.empty(); ++round_) {
      random_() % 2 == 0 ? act_at_random() : approach_fatal_moment();
    }
    meet();
    check_settled_binds();
    clear();
    meet();
    self_.links()->close();
    self_.come_to({Step::closed, {}});
    wait_until_all_have_closed();
    for (std::size_t rank = 0; fate_.stops && rank < mortals; ++rank) {
      if (board_->fallen[rank]) {
        ::kill(board_->pids[rank], SIGKILL);
      }
    }
    return wrong_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr std::uint32_t store = 5;
  static constexpr int rounds = 50;  // of each rank
  static constexpr std::size_t large_bytes = 192'000;
  static constexpr std::chrono::milliseconds grace{500};  // as in Runtime::close()
  // Of one call of a survivor: it may have to detect the loss of each rank of the other node once, and the
  // machine may be slow.
  static constexpr std::chrono::seconds most_time{15};
  static constexpr std::chrono::seconds end_by{25};
  // Of the wait for ranks that have not closed: less than the ten seconds after which it ends by itself.
  static constexpr std::chrono::seconds most_closing{7};

  // The keys of the unnamed objects that each rank makes.
  std::vector<Key> made_by_all(Group& group, std::size_t size) {
    const auto sealed = put({}, static_cast<std::uint64_t>(rank_), size);
    const Key own = sealed ? sealed->key : Key{};
    const auto bytes = group.all_gather(std::as_bytes(std::span(&own, 1)));
    std::vector<Key> keys(mortals);
    std::memcpy(keys.data(), bytes.data(), bytes.size());
    return keys;
  }

  static std::vector<std::byte> stored(std::uint64_t value, std::size_t size_bytes) {
    std::vector<std::byte> bytes = tests::pattern(value, size_bytes);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }

  // An array of rows of eight numbers.
  Result<Sealed> put(const std::string& name, std::uint64_t value, std::size_t size,
                     const SealOptions& options = {}) {
    const tests::ArraySample array{
        .extents = Extents(size / 64, 8), .element_bytes = 8, .bytes = stored(value, size)};
    return tests::put(self_.connector(), store, name, array, options);
  }

  // A rank of another node.
  int elsewhere() {
    const auto others = static_cast<std::uint64_t>(mortals - ranks_per_node_);
    const int next_node = (rank_ / ranks_per_node_ + 1) * ranks_per_node_;
    return (next_node + static_cast<int>(random_() % others)) % mortals;
  }
  // A name whose home is another node.
  std::string far_name() {
    const Nodes& nodes = self_.links()->client()->nodes();
    for (int number = static_cast<int>(random_() % 4);; ++number) {
      std::string name = "name " + std::to_string(number % 64);
      if (nodes.home(store, name_hash(store, name)) != nodes.own()) {
        return name;
      }
    }
  }

  // A call in which some rank reaches the fatal moment.
  void approach_fatal_moment() {
    const std::string name = far_name();
    const Address address(store, name);
    const auto other = static_cast<std::size_t>(elsewhere());
    const auto value = static_cast<std::uint64_t>(round_);
    const auto began = Clock::now();
    switch (fate_.moment.step < Step::before_landing ? static_cast<Kind>(fate_.moment.kind) : Kind::copy) {
      case Kind::fetch:
        return end(began, "get by key", self_.connector().get(Address(small_[other]), {}));
      case Kind::reply:
      case Kind::exists:
        return end(began, "exists by key", self_.connector().exists(Address(small_[other]), {}));
      case Kind::evict:
        return end(began, "evict by key", self_.connector().evict(Address(small_[other]), {}));
      case Kind::retire:
      case Kind::bind:
        return end(began, "replace", put(name, value, 64, {SealMode::replace, 0}));
      case Kind::look_up:
        return end(began, "exists", self_.connector().exists(address, {}));
      case Kind::unbind:
        return end(began, "evict", self_.connector().evict(address, {}));
      case Kind::generation:
        return get_replaced_object(name);
      case Kind::list:
        return end(began, "list", self_.connector().list(store, "name", {}));
      case Kind::await:
        return end(
            began, "wait",
            self_.connector().wait(Address(store, name + "?"), Clock::now() + std::chrono::milliseconds(20)));
      case Kind::fetch_part:
      case Kind::fetch_hyperslab:
        return read_some(began, Address(large_[other]), fate_.moment.kind == std::byte{14});
      case Kind::describe:
        return end(began, "describe", self_.connector().get_some(Address(large_[other]), Facts(), {}));
      case Kind::join:
        return read_together();
      default:
        end(began, "replace", put(name, value, large_bytes, {SealMode::replace, 0}));
        for (int number = 0; number < 4 && wrong_.empty(); ++number) {
          const std::string each = "name " + std::to_string(number);
          read(Clock::now(), "get", each, self_.connector().get(Address(store, each), {}));
        }
    }
  }

  // By a handle.
  void get_replaced_object(const std::string& name) {
    const auto began = Clock::now();
    const auto first = put(name, 1, 64, {SealMode::replace, 0});
    end(began, "replace", first);
    end(began, "replace", put(name, 2, 64, {SealMode::replace, 0}));
    if (first) {
      end(began, "get by handle", self_.connector().get(Address(first->key, name_hash(store, name)), {}));
    }
  }

  // Both ranks of a node read it as soon as one of the other node has replaced it.
  void read_together() {
    constexpr std::size_t long_way = 4'000'000;
    const auto latest = Clock::now() + std::chrono::milliseconds(30);
    const int before = seen_replaced_;
    if (rank_ == 0) {
      end(Clock::now(), "replace", put("together", 1, long_way, {SealMode::replace, 0}));
      ++board_->replaced;
      self_.pause(std::chrono::milliseconds(10));
      return;
    }
    while (board_->replaced == before && Clock::now() < latest) {
      self_.pause(std::chrono::microseconds(100));
    }
    seen_replaced_ = board_->replaced;
    end(Clock::now(), "get", self_.connector().get(Address(store, "together"), {}));
  }

  void act_at_random() {
    const std::string name = "name " + std::to_string(random_() % 4);
    const Address address(store, name);
    const std::size_t size = random_() % 2 == 0 ? 64 : 192'000;
    const auto value = (static_cast<std::uint64_t>(rank_) << 32U) | random_() % 1000;
    const auto began = Clock::now();
    switch (random_() % 12) {
      case 0:
      case 1:
        return end(began, "put", put(name, value, size));
      case 2:
        return end(began, "replace", put(name, value, size, {SealMode::replace, 0}));
      case 3:
        return end(began, "evict", self_.connector().evict(address, {}));
      case 4:
        return end(began, "evict by key", self_.connector().evict(Address(last_key_), {}));
      case 5:
        return end(began, "exists", self_.connector().exists(address, {}));
      case 6:
        return end(began, "exists by key", self_.connector().exists(Address(last_key_), {}));
      case 7:
        return end(began, "list", self_.connector().list(store, "name", {}));
      case 8:
        return read_some(began, address, random_() % 2 == 0);
      case 9:
        return read(began, "wait", name,
                    self_.connector().wait(address, Clock::now() + std::chrono::milliseconds(20)));
      default:
        return read(began, "get", name, self_.connector().get(address, {}));
    }
  }

  void read(Clock::time_point began, const char* what, const std::string& name,
            const Result<ObjectView>& found) {
    end(began, what, found);
    if (!found) {
      return;
    }
    std::uint64_t seen = 0;
    std::memcpy(&seen, found->bytes().data(), sizeof seen);
    if (!tests::holds(*found, stored(seen, found->bytes().size())) || found->facts().name != name) {
      wrong_ += std::string("a wrong value of a ") + what + "; ";
    }
    last_key_ = found->key();
    const auto again = Clock::now();
    end(again, "get by key", self_.connector().get(Address(last_key_), {}));
    end(again, "get by handle", self_.connector().get(Address(last_key_, name_hash(store, name)), {}));
  }
  // Every second number of the first rows, or the first numbers: the value is the very first.
  void read_some(Clock::time_point began, const Address& address, bool part) {
    const Hyperslab slab{.start = {0, 0}, .count = {1, 4}, .stride = {1, 2}};
    const auto some = part ? self_.connector().get_some(address, ByteRange{0, 24}, {})
                           : self_.connector().get_some(address, Elements{slab, 8}, {});
    end(began, "get some", some);
    if (some) {
      std::uint64_t seen = 0;
      std::memcpy(&seen, some->bytes().data(), sizeof seen);
      const std::vector<std::byte> row = stored(seen, 64);
      const std::size_t second = some->bytes().size() == 24 ? 8 : 16;
      if (std::memcmp(some->bytes().data() + 8, row.data() + second, 8) != 0) {
        wrong_ += "a wrong part; ";
      }
    }
  }

  template <class T>
  void end(Clock::time_point began, const char* what, const Result<T>& result) {
    if (Clock::now() - began > most_time) {
      wrong_ += std::string(what) + " took too long; ";
    }
    if (result) {
      return;
    }
    switch (result.error().code()) {
      case Errc::not_found:
      case Errc::key_exists:
      case Errc::stale:
        return;
      case Errc::timeout:
        if (std::string_view(what) == "wait") {
          return;
        }
        wrong_ += std::string(what) + ": " + result.error().text() + "; ";
        return;
      case Errc::peer_lost:
        if (!board_->anybody_has_fallen()) {
          wrong_ += std::string(what) + ": peer_lost, and no rank died; ";
        }
        return;
      default:
        wrong_ += std::string(what) + ": " + result.error().text() + "; ";
    }
  }

  // Waits until all living ranks are here; serves the others meanwhile.
  void meet() {
    const int meeting = ++board_->come_to[static_cast<std::size_t>(rank_)];
    const auto until = Clock::now() + end_by;
    while (!all_have_come_to(meeting, true)) {
      if (Clock::now() > until) {
        wrong_ += "the others do not come; ";
        return;
      }
      self_.pause(std::chrono::milliseconds(5));
    }
  }

  bool all_have_come_to(int meeting, bool but_the_fallen) const {
    for (std::size_t rank = 0; rank < mortals; ++rank) {
      if (board_->come_to[rank] < meeting && !(but_the_fallen && board_->fallen[rank])) {
        return false;
      }
    }
    return true;
  }

  // As Runtime::close() does if no rank was lost before: ends of ranks of its own node are reported by the
  // system, here by the board; those of others are detected by their silence.
  void wait_until_all_have_closed() {
    const int meeting = ++board_->come_to[static_cast<std::size_t>(rank_)];
    const auto node_peer = static_cast<std::size_t>(rank_) ^ 1U;
    PeerCloseMonitor monitor(self_.links(), MortalRank::patience);
    const auto began = Clock::now();
    while (!all_have_come_to(meeting, fate_.moment.step != Step::closed)) {
      if ((ranks_per_node_ == 2 && board_->fallen[node_peer]) || !monitor.gone_for(grace).empty()) {
        return;
      }
      if (Clock::now() - began > most_closing) {
        wrong_ += "it waits for a rank that died between the barriers of closing; ";
        return;
      }
      self_.pause(std::chrono::milliseconds(5));
    }
  }

  // A bind of a dead rank of this node at the other node, which lives, has succeeded or is undone.
  void check_settled_binds() {
    const auto node_peer = static_cast<std::size_t>(rank_) ^ 1U;
    if (ranks_per_node_ != 2 || fate_.stops || !board_->fallen[node_peer]) {
      return;
    }
    const auto until = Clock::now() + end_by;
    while (!self_.has_adopted() || !self_.node().table->own_keys(Having::unsettled_name).empty()) {
      if (Clock::now() > until) {
        wrong_ += self_.has_adopted() ? "the binds of the dead rank are not recovered; "
                                      : "no rank adopts the dead one; ";
        return;
      }
      self_.pause(std::chrono::milliseconds(5));
    }
  }

  // Evicts all objects, and checks that the memory is freed.
  void clear() {
    for (int number = 0; number < 4; ++number) {
      (void)self_.connector().evict(Address(store, "name " + std::to_string(number)), {});
    }
    const auto until = Clock::now() + end_by;
    for (;;) {
      (void)self_.connector().drop(store);
      forget_the_fences();
      const MemoryUsage usage = self_.connector().usage();
      if (usage.own_objects == 0 && usage.own_used == 0) {
        return;
      }
      if (Clock::now() > until) {
        wrong_ += std::to_string(usage.own_objects) + " objects and " + std::to_string(usage.own_used) +
                  " bytes are left" + left_over() + "; ";
        return;
      }
      self_.pause(std::chrono::milliseconds(20));
    }
  }

  void forget_the_fences() {
    for (int node = 0; node < mortals / ranks_per_node_; ++node) {
      const auto first = static_cast<std::size_t>(node * ranks_per_node_);
      const auto last = first + static_cast<std::size_t>(ranks_per_node_) - 1;
      if (board_->fallen[first] && board_->fallen[last]) {
        tests::forget_fence(*self_.node().directory, node);
      }
    }
  }

  // Describes what is left, to find the reason.
  std::string left_over() {
    std::string text;
    for (const std::uint32_t its_store : {store, registry, copies_store, copy_sets_store, fences_store}) {
      for (const Key& key : self_.node().table->keys(its_store, Whose::own)) {
        const auto pin = self_.node().table->pin(key);
        if (!pin) {
          continue;
        }
        const NodeMemory memory{self_.node().arena, self_.node().table, self_.node().directory};
        const std::string_view name = memory.name(*pin);
        text += ", " + to_string(key) + " of " + std::to_string(pin->record->size_bytes) +
                " bytes, generation " + std::to_string(pin->generation);
        if (is_internal(its_store) && name.size() == sizeof(Key)) {
          Key about;
          std::memcpy(&about, name.data(), sizeof about);
          text += ", about " + to_string(about);
        } else {
          text += ", " + std::string(name);
        }
        self_.node().table->release(pin->id);
      }
    }
    return text;
  }

  const Fate fate_;
  const SharedBoard& board_;
  MortalRank self_;
  const int rank_;
  const int ranks_per_node_;
  std::mt19937_64 random_;
  int round_ = 0;
  int seen_replaced_ = 0;
  std::vector<Key> small_;  ///< made by each rank
  std::vector<Key> large_;
  Key last_key_{store, 0, 1};
  std::string wrong_;
};

}  // namespace locum::tests
