#pragma once

#include <sys/types.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/departures.hpp"
#include "core/distributed.hpp"
#include "core/hyperslab.hpp"
#include "core/internal_stores.hpp"
#include "core/links.hpp"
#include "core/options.hpp"
#include "shm/node.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/fences.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/node_fate.hpp"
#include "tests/transport/ucx/node_group.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::tests {

/// One rank's life in a run in which some die: it works on the same names as the others, until the one that
/// is to die has come to its moment and fallen, and on to the end.
class Life {
 public:
  Life(Group& group, const Fate& fate, const SharedBoard& board, std::uint64_t seed)
      : rank_(group.rank()),
        ranks_per_node_(fate.scene == Scene::pairs ? 2 : 1),
        fate_(fate),
        board_(board),
        random_(seed * mortals + static_cast<std::uint64_t>(rank_)) {
    board_->pids[static_cast<std::size_t>(rank_)] = ::getpid();
    open(group, seed);
    small_ = made_by_all(group, 64);
    large_ = made_by_all(group, large_bytes);
    // Not by the group: that one of its ranks has left a barrier does not say that all have.
    meet();
    armed_ = true;
  }

  /// What was wrong; empty: nothing.
  std::string live() {
    for (round_ = 1; round_ <= rounds && wrong_.empty(); ++round_) {
      random_() % 2 == 0 ? act_at_random() : lead_on();
    }
    meet();
    see_the_estate_settled();
    clear();
    meet();
    links_->close();
    come_to({Deed::closed, {}});
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
  static constexpr std::chrono::seconds patience{1};
  static constexpr std::chrono::milliseconds grace{500};  // as Runtime::close() has
  // Of one call of a survivor: it may miss each rank of the other node once, and the machine be slow.
  static constexpr std::chrono::seconds most_time{15};
  static constexpr std::chrono::seconds end_by{25};
  // Of the wait for those that have not closed: less than the ten seconds after which it ends by itself.
  static constexpr std::chrono::seconds most_closing{7};

  void open(Group& group, std::uint64_t seed) {
    NodeGroup node_group(group, ranks_per_node_);
    const RuntimeOptions options{.memory_bytes = 32_MiB};
    std::vector<std::uint32_t> mates(static_cast<std::size_t>(ranks_per_node_));
    for (std::size_t at = 0; at < mates.size(); ++at) {
      mates[at] = static_cast<std::uint32_t>(rank_ / ranks_per_node_ * ranks_per_node_) +
                  static_cast<std::uint32_t>(at);
    }
    node_ = shm::open_node(node_group, mates, options, seed);
    const NodeMemory memory{node_.arena, node_.table, node_.directory};
    const auto opened = open_transport(group);
    connect(group, *opened.transport);
    const auto at_moment = [this](const Moment& moment) { come_to(moment); };
    const auto told_of = [this](int rank) {
      board_->told += board_->fallen[static_cast<std::size_t>(rank)] ? 1 : 0;
    };
    links_ = std::make_shared<Links>(LinkParts{
        .transport = std::make_shared<MortalTransport>(opened.transport, at_moment, told_of),
        .remote = opened.remote ? std::make_shared<MortalMemory>(opened.remote, at_moment) : nullptr,
        .memory = memory,
        .node_of_rank = ranks_per_node_ == 2 ? std::vector{0, 0, 1, 1} : std::vector{0, 1, 2, 3},
        .rank = rank_,
        .incarnation = seed,
        .metrics = std::make_shared<Metrics>(),
        .timeout = std::chrono::seconds(30),
        .patience = patience,
        .lost_mates =
            [losses = node_.losses, first = rank_ / ranks_per_node_ * ranks_per_node_] {
              std::vector<int> ranks;
              for (const Loss& loss : losses->all()) {
                ranks.push_back(first + static_cast<int>(loss.rank));
              }
              return ranks;
            },
        .progress = {}});
    node_.losses->when_adopted([this, links = std::weak_ptr(links_)] {
      if (const auto open = links.lock()) {
        open->settle_estate();
        adopted_ = true;
      }
    });
    connector_ = open_distributed(memory, links_);
  }

  // As the runtime does for LOCUM_ONE_SIDED=ucx_memory, or without.
  ucx::OpenedTransport open_transport(Group& group) {
    const ucx::TransportOptions soon{.close_timeout = std::chrono::milliseconds(500)};
    if (fate_.scene == Scene::pairs) {
      return {.transport = ucx::open_transport(group, soon), .remote = {}, .memory = {}};
    }
    auto opened = ucx::open_transport_with_remote_memory(
        group, {.allocated_bytes = node_.memory_bytes, .place = node_.own_memory}, soon);
    node_.keep(opened.keeper);
    board_->reads = opened.remote != nullptr;
    return opened;
  }

  // To all others. UCX 1.13.1 may end the process by an assertion of its own (tcp_ep.c, CTX_TYPE_TX) when the
  // first message to a rank meets the death of that rank: 1 of 40 runs over TCP, on a machine with much else
  // to do.
  static void connect(Group& group, Transport& transport) {
    constexpr std::array<std::byte, 1> tick{std::byte{1}};
    Recorder recorder;
    for (int other = 0; other < mortals; ++other) {
      if (other != group.rank()) {
        EXPECT_TRUE(transport.send(other, tick, {}, 0));
      }
    }
    EXPECT_TRUE(drive(transport, recorder, [&] { return recorder.messages.size() == mortals - 1; }));
    barrier(group, [&] { transport.progress(recorder); });
  }

  // What each rank makes, without a name.
  std::vector<Key> made_by_all(Group& group, std::size_t size) {
    const auto sealed = put({}, static_cast<std::uint64_t>(rank_), size);
    const Key own = sealed ? sealed->key : Key{};
    const auto bytes = group.all_gather(std::as_bytes(std::span(&own, 1)));
    std::vector<Key> keys(mortals);
    std::memcpy(keys.data(), bytes.data(), bytes.size());
    return keys;
  }

  void come_to(const Moment& moment) {
    if (armed_ && moment == fate_.moment && ++board_->occurrences == fate_.occurrence) {
      fall();
    }
  }

  [[noreturn]] void fall() {
    const int signal = fate_.stops ? SIGSTOP : SIGKILL;
    const auto own = static_cast<std::size_t>(rank_);
    board_->victim = rank_;
    board_->fallen[own] = true;
    if (fate_.whole_node && ranks_per_node_ == 2) {
      board_->fallen[own ^ 1U] = true;
      ::kill(board_->pids[own ^ 1U], signal);
    }
    ::raise(signal);
    std::abort();
  }

  static std::vector<std::byte> stored(std::uint64_t value, std::size_t size_bytes) {
    std::vector<std::byte> bytes = testing::pattern(value, size_bytes);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }

  // An array of rows of eight numbers.
  Result<Sealed> put(const std::string& name, std::uint64_t value, std::size_t size,
                     const SealOptions& options = {}) {
    const testing::ArraySample array{
        .extents = Extents(size / 64, 8), .element_bytes = 8, .bytes = stored(value, size)};
    return testing::put(*connector_, store, name, array, options);
  }

  // A rank of another node.
  int elsewhere() {
    const auto others = static_cast<std::uint64_t>(mortals - ranks_per_node_);
    const int next_node = (rank_ / ranks_per_node_ + 1) * ranks_per_node_;
    return (next_node + static_cast<int>(random_() % others)) % mortals;
  }
  // One that is at home on another node.
  std::string far_name() {
    const Nodes& nodes = links_->client()->nodes();
    for (int number = static_cast<int>(random_() % 4);; ++number) {
      std::string name = "name " + std::to_string(number % 64);
      if (nodes.home(store, name_hash(store, name)) != nodes.own()) {
        return name;
      }
    }
  }

  // A call in which somebody comes to the fatal moment.
  void lead_on() {
    const std::string name = far_name();
    const Address address(store, name);
    const auto other = static_cast<std::size_t>(elsewhere());
    const auto value = static_cast<std::uint64_t>(round_);
    const auto began = Clock::now();
    switch (fate_.moment.deed < Deed::before_landing ? static_cast<Kind>(fate_.moment.kind) : Kind::copy) {
      case Kind::fetch:
        return end(began, "get by key", connector_->get(Address(small_[other]), {}));
      case Kind::reply:
      case Kind::exists:
        return end(began, "exists by key", connector_->exists(Address(small_[other]), {}));
      case Kind::evict:
        return end(began, "evict by key", connector_->evict(Address(small_[other]), {}));
      case Kind::retire:
      case Kind::bind:
        return end(began, "replace", put(name, value, 64, {SealMode::replace, 0}));
      case Kind::look_up:
        return end(began, "exists", connector_->exists(address, {}));
      case Kind::unbind:
        return end(began, "evict", connector_->evict(address, {}));
      case Kind::generation:
        return look_for_the_replaced(name);
      case Kind::list:
        return end(began, "list", connector_->list(store, "name", {}));
      case Kind::await:
        return end(
            began, "wait",
            connector_->wait(Address(store, name + "?"), Clock::now() + std::chrono::milliseconds(20)));
      case Kind::fetch_part:
      case Kind::fetch_hyperslab:
        return read_some(began, Address(large_[other]), fate_.moment.kind == std::byte{14});
      case Kind::describe:
        return end(began, "describe", connector_->describe(Address(large_[other]), {}));
      case Kind::join:
        return read_together();
      default:
        end(began, "replace", put(name, value, large_bytes, {SealMode::replace, 0}));
        for (int number = 0; number < 4 && wrong_.empty(); ++number) {
          const std::string each = "name " + std::to_string(number);
          read(Clock::now(), "get", each, connector_->get(Address(store, each), {}));
        }
    }
  }

  // By a handle.
  void look_for_the_replaced(const std::string& name) {
    const auto began = Clock::now();
    const auto first = put(name, 1, 64, {SealMode::replace, 0});
    end(began, "replace", first);
    end(began, "replace", put(name, 2, 64, {SealMode::replace, 0}));
    if (first) {
      end(began, "get by handle", connector_->get(Address(first->key, name_hash(store, name)), {}));
    }
  }

  // Both ranks of a node, as soon as one of the other node has replaced it.
  void read_together() {
    constexpr std::size_t long_way = 4'000'000;
    const auto latest = Clock::now() + std::chrono::milliseconds(30);
    const int before = seen_replaced_;
    if (rank_ == 0) {
      end(Clock::now(), "replace", put("together", 1, long_way, {SealMode::replace, 0}));
      ++board_->replaced;
      links_->client()->pause(std::chrono::milliseconds(10));
      return;
    }
    while (board_->replaced == before && Clock::now() < latest) {
      links_->client()->pause(std::chrono::microseconds(100));
    }
    seen_replaced_ = board_->replaced;
    end(Clock::now(), "get", connector_->get(Address(store, "together"), {}));
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
        return end(began, "evict", connector_->evict(address, {}));
      case 4:
        return end(began, "evict by key", connector_->evict(Address(last_key_), {}));
      case 5:
        return end(began, "exists", connector_->exists(address, {}));
      case 6:
        return end(began, "exists by key", connector_->exists(Address(last_key_), {}));
      case 7:
        return end(began, "list", connector_->list(store, "name", {}));
      case 8:
        return read_some(began, address, random_() % 2 == 0);
      case 9:
        return read(began, "wait", name,
                    connector_->wait(address, Clock::now() + std::chrono::milliseconds(20)));
      default:
        return read(began, "get", name, connector_->get(address, {}));
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
    if (!testing::holds(*found, stored(seen, found->bytes().size())) || found->facts().name != name) {
      wrong_ += std::string("a wrong value of a ") + what + "; ";
    }
    last_key_ = found->key();
    const auto again = Clock::now();
    end(again, "get by key", connector_->get(Address(last_key_), {}));
    end(again, "get by handle", connector_->get(Address(last_key_, name_hash(store, name)), {}));
  }
  // Every other number of the first rows, or the first numbers: the value is the very first.
  void read_some(Clock::time_point began, const Address& address, bool part) {
    const Hyperslab slab{.start = {0, 0}, .count = {1, 4}, .stride = {1, 2}};
    const auto some =
        part ? connector_->get_part(address, {0, 24}, {}) : connector_->get_hyperslab(address, slab, 8, {});
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
          wrong_ += std::string(what) + ": peer_lost, and nobody died; ";
        }
        return;
      default:
        wrong_ += std::string(what) + ": " + result.error().text() + "; ";
    }
  }

  // Until all that live have come so far; serves the others meanwhile.
  void meet() {
    const int meeting = ++board_->come_to[static_cast<std::size_t>(rank_)];
    const auto until = Clock::now() + end_by;
    while (!all_have_come_to(meeting, true)) {
      if (Clock::now() > until) {
        wrong_ += "the others do not come; ";
        return;
      }
      links_->client()->pause(std::chrono::milliseconds(5));
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

  // As Runtime::close() does where nobody was lost before: of its own node the system tells who has ended,
  // here the board, of others their silence alone.
  void wait_until_all_have_closed() {
    const int meeting = ++board_->come_to[static_cast<std::size_t>(rank_)];
    const auto mate = static_cast<std::size_t>(rank_) ^ 1U;
    Departures departures(links_, patience);
    const auto began = Clock::now();
    while (!all_have_come_to(meeting, fate_.moment.deed != Deed::closed)) {
      if ((ranks_per_node_ == 2 && board_->fallen[mate]) || !departures.gone_for(grace).empty()) {
        return;
      }
      if (Clock::now() - began > most_closing) {
        wrong_ += "it waits for who died between the meetings of closing; ";
        return;
      }
      links_->client()->pause(std::chrono::milliseconds(5));
    }
  }

  // What a dead mate was binding at the other node, which lives, is bound or gone.
  void see_the_estate_settled() {
    const auto mate = static_cast<std::size_t>(rank_) ^ 1U;
    if (ranks_per_node_ != 2 || fate_.stops || !board_->fallen[mate]) {
      return;
    }
    const auto until = Clock::now() + end_by;
    while (!adopted_ || !node_.table->unsettled().empty()) {
      if (Clock::now() > until) {
        wrong_ += adopted_ ? "nobody asks what became of what the dead one was binding; "
                           : "nobody adopts what the dead one had; ";
        return;
      }
      links_->client()->pause(std::chrono::milliseconds(5));
    }
  }

  // What everybody has made goes, and the memory comes back.
  void clear() {
    for (int number = 0; number < 4; ++number) {
      (void)connector_->evict(Address(store, "name " + std::to_string(number)), {});
    }
    const auto until = Clock::now() + end_by;
    for (;;) {
      (void)connector_->drop(store);
      forget_the_fences();
      const MemoryUsage usage = connector_->usage();
      if (usage.own_objects == 0 && usage.own_used == 0) {
        return;
      }
      if (Clock::now() > until) {
        wrong_ += std::to_string(usage.own_objects) + " objects and " + std::to_string(usage.own_used) +
                  " bytes are left" + left_over() + "; ";
        return;
      }
      links_->client()->pause(std::chrono::milliseconds(20));
    }
  }

  void forget_the_fences() {
    for (int node = 0; node < mortals / ranks_per_node_; ++node) {
      const auto first = static_cast<std::size_t>(node * ranks_per_node_);
      const auto last = first + static_cast<std::size_t>(ranks_per_node_) - 1;
      if (board_->fallen[first] && board_->fallen[last]) {
        testing::forget_fence(*node_.directory, node);
      }
    }
  }

  // What is still there, for who has to find out why.
  std::string left_over() {
    std::string text;
    for (const std::uint32_t its_store : {store, registry, copies_store, copy_sets_store, fences_store}) {
      for (const Key& key : node_.table->owned(its_store)) {
        const auto pin = node_.table->pin(key);
        if (!pin) {
          continue;
        }
        const NodeMemory memory{node_.arena, node_.table, node_.directory};
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
        node_.table->release(pin->id);
      }
    }
    return text;
  }

  const int rank_;
  const int ranks_per_node_;
  const Fate fate_;
  const SharedBoard& board_;
  std::mt19937_64 random_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> adopted_{false};
  int round_ = 0;
  int seen_replaced_ = 0;
  shm::Node node_;
  std::shared_ptr<Links> links_;
  std::shared_ptr<Connector> connector_;
  std::vector<Key> small_;  ///< of each rank
  std::vector<Key> large_;
  Key last_key_{store, 0, 1};
  std::string wrong_;
};

}  // namespace locum::tests
