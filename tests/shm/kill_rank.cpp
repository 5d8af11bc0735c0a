#include "tests/shm/kill_rank.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <thread>

#include "core/node/cluster.hpp"
#include "tests/shm/kill_invariants.hpp"
#include "tests/shm/plain_spill_file.hpp"

namespace locum::tests {
namespace {

constexpr std::uint64_t incarnation = 4711;
constexpr std::uint64_t largest_shard_growth = 3 * shm::page_bytes;  // for the number of names used here
constexpr std::chrono::seconds settling{20};
constexpr std::chrono::microseconds between_looks{200};

}  // namespace

std::string_view name_of(Phase phase) noexcept {
  constexpr std::array<std::string_view, all_phases> names{
      "open", "play",  "play on", "settle",  "look",    "check", "let go",
      "drop", "sweep", "collect", "measure", "compare", "close"};
  return names[static_cast<std::size_t>(phase)];
}

KillRank::KillRank(const Scene& scene, Board& board, Group& group)
    : scene_(scene),
      board_(board),
      group_(group),
      own_(static_cast<std::uint32_t>(group.rank())),
      journal_(board.journals[own_]),
      player_(scene, board, own_),
      ranks_(scene.ranks) {
  std::iota(ranks_.begin(), ranks_.end(), Scene::first_rank);
}

bool KillRank::perform(Phase phase) {
  switch (phase) {
    case Phase::open:
      return open();
    case Phase::play:
      play(scene_.steps);
      break;
    case Phase::play_on:
      play(scene_.steps / 2);
      break;
    case Phase::settle:
      settle();
      break;
    case Phase::look:
      look();
      break;
    case Phase::check:
      check();
      break;
    case Phase::let_go:
      player_.let_go();
      break;
    case Phase::drop:
      player_.drop();
      break;
    case Phase::sweep:
      sweep();
      break;
    case Phase::collect:
      static_cast<void>(player_.usage());
      break;
    case Phase::measure:
      measure();
      break;
    case Phase::compare:
      compare();
      break;
    case Phase::close:
      close();
      break;
  }
  return true;
}

bool KillRank::open() {
  Event& event = player_.begin(Act::open);
  try {
    node_ = shm::open_node(group_, ranks_, scene_.options, incarnation,
                           scene_.spills ? plain_spill_files() : SpillFiles());
  } catch (const Error& error) {
    event.code = error.code();
    player_.end(event);
    if (error.code() != Errc::peer_lost && error.code() != Errc::timeout) {
      player_.complain(std::string("open_node: ") + error.what());
    }
    return false;
  }
  if (!node_.table->accounts()->set_budget(Scene::store, "budgeted", std::uint64_t{1} << 40U)) {
    player_.complain("there is no place for a budget");
  }
  last_look_ = [this, base = node_.arena->data(0)] { return look_at_last(base); };
  tests::look_at_last(&last_look_);
  connector_ = open_cluster({.arena = node_.arena,
                             .table = node_.table,
                             .directory = node_.directory,
                             .timeout = scene_.options.timeout,
                             .spill = node_.spill});
  player_.connect(connector_, node_.spill);
  player_.end(event);
  if (own_ == 0) {
    for (std::uint32_t name = 0; name < scene_.crowd.size(); ++name) {
      player_.put(static_cast<std::uint32_t>(scene_.names.size()) + name, false, 0);
    }
  }
  return true;
}

void KillRank::close() {
  Event& event = player_.begin(Act::close);
  player_.disconnect();
  connector_.reset();
  node_ = {};
  tests::look_at_last(nullptr);
  player_.end(event);
}

// In a dying process, while others continue. Once all close, nothing is left of any rank's objects.
std::string KillRank::look_at_last(const std::byte* base) const {
  const std::string wrong = broken_invariant(base, geometry(), ranks_);
  if (!wrong.empty() || static_cast<Phase>(board_.phase.load()) != Phase::close) {
    return wrong;
  }
  const Levels now = read_levels(base, geometry(), ranks_);
  const auto sum = [](const auto& each) {
    return std::accumulate(each.begin(), each.end(), std::uint64_t{0});
  };
  const std::uint64_t left = sum(now.live) + sum(now.tombstoned) + sum(now.pins) + now.records + now.intents +
                             now.changing + now.handed_back;
  return left == 0 ? "" : std::to_string(left) + " entries, pins, records or steps are left while all close";
}

void KillRank::play(std::uint32_t steps) {
  for (std::uint32_t count = 0; count < steps; ++count) {
    player_.step();
  }
}

// What must hold while no rank makes calls.

bool KillRank::lowest() const {
  return own_ == static_cast<std::uint32_t>(std::countr_one(board_.dead.load(std::memory_order_acquire)));
}

shm::Geometry KillRank::geometry() const {
  return shm::Geometry::fit(scene_.ranks, scene_.options.memory_bytes, scene_.options.reserve_bytes,
                            scene_.spills);
}

Levels KillRank::levels() const {
  return read_levels(node_.arena->data(0), geometry(), ranks_);
}

void KillRank::expect(std::string_view what, std::uint64_t expected, std::uint64_t found) {
  if (expected != found) {
    player_.complain(std::string(what) + ": " + std::to_string(found) + " instead of " +
                     std::to_string(expected));
  }
}

// Waits until `reached` is true; returns whether it was before the deadline. The other ranks make no calls,
// but threads of the library may still work, and do not notify anybody when they are done.
bool KillRank::within_time(const std::function<bool()>& reached) {
  const auto latest = Deadline::Clock::now() + settling;
  while (!reached()) {
    if (Deadline::Clock::now() > latest) {
      return false;
    }
    std::this_thread::sleep_for(between_looks);
  }
  return true;
}

bool KillRank::dead(std::uint32_t rank) const {
  return (board_.dead.load(std::memory_order_acquire) >> rank & 1U) != 0;
}

// Whether a living process has adopted the share of a dead one, as far as can be seen. If a rank dies after
// one of two ranks has left the last barrier of the opening, and before the other has, one of them opens the
// node and the other fails: that one has left, and leaves nothing to adopt.
bool KillRank::adopted(std::uint32_t rank) const {
  const auto& share = *reinterpret_cast<const shm::Share*>(
      node_.arena->data(geometry().shares_offset() + rank * sizeof(shm::Share)));
  const auto state = static_cast<shm::ShareState>(share.state.load(std::memory_order_acquire));
  if (board_.journals[rank].arrived.load(std::memory_order_acquire) == left_early) {
    return state == shm::ShareState::left || state == shm::ShareState::absent;
  }
  const std::uint32_t adopter = share.adopter.load(std::memory_order_acquire);
  return state == shm::ShareState::adopted && adopter != 0 && !dead(adopter - 1);
}

void KillRank::settle() {
  if (!lowest()) {
    return;
  }
  std::string missing;
  const bool done = within_time([&] {
    missing.clear();
    const Levels now = levels();
    for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
      if (dead(rank) && !adopted(rank)) {
        missing += " rank " + std::to_string(rank) + " is not adopted;";
      }
      if (dead(rank) && now.pins[rank] != 0) {
        missing += " rank " + std::to_string(rank) + " still pins " + std::to_string(now.pins[rank]) + ";";
      }
    }
    if (now.moving != 0) {
      missing += ' ' + std::to_string(now.moving) + " objects are between memory and disk;";
    }
    if (now.unbound + now.intents + now.changing != 0) {
      missing += ' ' + std::to_string(now.unbound) + " named objects without their name, " +
                 std::to_string(now.intents) + " unfinished steps, " + std::to_string(now.changing) +
                 " shards in the middle of a change;";
    }
    return missing.empty();
  });
  if (!done) {
    player_.complain("a death is not dealt with in time:" + missing);
  }
}

void KillRank::look() {
  player_.look_at_all();
  journal_.held.store(static_cast<std::uint32_t>(player_.held().size()));
}

void KillRank::check() {
  if (!lowest()) {
    return;
  }
  const auto held = [&](std::uint32_t rank) { return dead(rank) ? 0 : board_.journals[rank].held.load(); };
  Levels now;
  static_cast<void>(
      within_time([&] {  // a thread that looks for objects to move to disk pins what it looks at
        now = levels();
        std::uint32_t rank = 0;
        while (rank < scene_.ranks && now.pins[rank] == held(rank)) {
          ++rank;
        }
        return rank == scene_.ranks;
      }));
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    expect("pins of rank " + std::to_string(rank), held(rank), now.pins[rank]);
  }
  expect("named objects without their name", 0, now.unbound);
  expect("names, counted by their records,", now.named, now.records);
  expect("tombstones that name no process", 0, now.nameless);
  expect("unfinished steps", 0, now.intents);
  expect("shards in the middle of a change", 0, now.changing);
}

// Living ranks have dropped what they made or adopted; what is left was adopted later.
void KillRank::sweep() {
  if (!lowest()) {
    return;
  }
  for (const Key& key : levels().keys) {
    if (!dead(key.creator - Scene::first_rank)) {
      player_.complain("left although its maker lives and has dropped all: " + to_string(key));
    }
    if (const auto told = player_.told_of(key)) {
      player_.get_key(*told, false);
      player_.evict_key(*told);
    }
  }
}

void KillRank::measure() {
  MemoryUsage now;
  static_cast<void>(within_time([&] {
    now = connector_->usage();
    return now.own_used + now.own_objects + now.own_pinned == 0;
  }));
  expect("bytes in use after everything was evicted", 0, now.own_used);
  expect("objects after everything was evicted", 0, now.own_objects);
  expect("pinned bytes after everything was evicted", 0, now.own_pinned);
}

// Threads that prepare memory may still be working: so each rank repeats its figures until they match.
void KillRank::compare() {
  const auto tell = [&] {
    const MemoryUsage now = connector_->usage();
    journal_.committed.store(now.own_committed);
    return now.committed;
  };
  const std::uint32_t dead_before = board_.dead.load();
  if (!lowest()) {
    static_cast<void>(within_time([&] {
      tell();
      return board_.compared.load() || board_.dead.load() != dead_before;
    }));
    return;
  }
  const Levels now = levels();
  for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
    const std::string whose = " of rank " + std::to_string(rank);
    expect("live entries" + whose, 0, now.live[rank]);
    expect("tombstoned entries" + whose, 0, now.tombstoned[rank]);
    expect("pins" + whose, 0, now.pins[rank]);
  }
  expect("records of names", 0, now.records);
  expect("stacks of dead entries", 0, now.handed_back);
  // A death while a shard of the directory grows leaves pages that the next growth uses.
  const std::uint64_t spare = static_cast<std::uint64_t>(std::popcount(dead_before)) * largest_shard_growth;
  std::uint64_t committed = 0;
  std::uint64_t explained = 0;
  const bool adds_up = within_time([&] {
    committed = tell();
    explained = now.table_bytes;
    for (std::uint32_t rank = 0; rank < scene_.ranks; ++rank) {
      explained += dead(rank) ? 0 : board_.journals[rank].committed.load();
    }
    return (committed >= explained && committed - explained <= spare) || board_.dead.load() != dead_before;
  });
  if (!adds_up) {
    expect("committed bytes", explained, committed);
  }
  board_.compared.store(true);
}

}  // namespace locum::tests
