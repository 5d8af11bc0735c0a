#include "core/tier/name_claims.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/hash.hpp"
#include "core/object/object_record.hpp"

namespace locum {

namespace {

constexpr std::string_view claim_type = "locum.claim";

}  // namespace

Result<Key> NameClaims::put(std::string_view claim, Deadline::Clock::time_point until) {
  const ObjectMeta meta{.store = store_,
                        .type_hash = text_hash(claim_type),
                        .type_name = claim_type,
                        .name = claim,
                        .extents = {}};
  const auto draft = room_.create(0, meta, until);
  if (!draft) {
    return draft.error();
  }
  const auto sealed = connector_->seal(*draft, {}, until);
  return sealed ? Result<Key>(sealed->key) : sealed.error();
}

// Two names of one hash exclude each other without need, which nobody notices.
Result<NameClaims::Held> NameClaims::take(const Address& name, Deadline::Clock::time_point until) {
  constexpr std::chrono::microseconds shortest_sleep{20};
  constexpr std::chrono::microseconds longest_sleep{2000};
  release_those_of_the_dead(false);
  const std::uint64_t hash = name_hash(name.key.store, name.name);
  std::array<char, sizeof hash + sizeof name.key.store> bytes;
  std::memcpy(bytes.data(), &hash, sizeof hash);
  std::memcpy(bytes.data() + sizeof hash, &name.key.store, sizeof name.key.store);
  const std::string_view claim(bytes.data(), bytes.size());
  for (auto pause = shortest_sleep;; pause = std::min(2 * pause, longest_sleep)) {
    const auto made = put(claim, until);
    if (made || made.error().code() != Errc::key_exists) {
      return made ? Result<Held>(std::in_place, connector_, *made) : made.error();
    }
    if (Deadline::Clock::now() >= until) {
      return Error(Errc::timeout,
                   "another rank or thread was busy with this name in the backend until the deadline; try "
                   "again");
    }
    release_those_of_the_dead(true);
    std::this_thread::sleep_for(pause);  // nobody is told when a claim is given back
  }
}

// Once for each death: ranks of other nodes may wait for it. Who is held up himself looks again: what a rank
// has begun when it dies may be completed after that.
void NameClaims::release_those_of_the_dead(bool is_held_up) {
  const std::vector<int> lost = lost_mates_ ? lost_mates_() : std::vector<int>();
  if (lost.empty() || (!is_held_up && lost.size() == dead_seen_.load(std::memory_order_relaxed))) {
    return;
  }
  for (const Key& key : connector_->keys_of_node(store_)) {
    if (std::ranges::find(lost, static_cast<int>(key.creator)) != lost.end()) {
      (void)connector_->evict(Address(key), {});
    }
  }
  dead_seen_.store(lost.size(), std::memory_order_relaxed);
}

}  // namespace locum
