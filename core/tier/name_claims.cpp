#include "core/tier/name_claims.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/back_off.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/hash.hpp"
#include "core/object/object_record.hpp"
#include "core/tier/batch_pieces.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

using Clock = Deadline::Clock;

constexpr std::string_view claim_type = "locum.claim";

/// What a claim to a name is called. Two names of one hash exclude each other without need, which nobody
/// notices.
class ClaimName {
 public:
  explicit ClaimName(const Address& name) noexcept {
    const std::uint64_t hash = name_hash(name.key.store, name.name);
    std::memcpy(bytes_.data(), &hash, sizeof hash);
    std::memcpy(bytes_.data() + sizeof hash, &name.key.store, sizeof name.key.store);
  }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, sizeof(std::uint64_t) + sizeof(std::uint32_t)> bytes_;
};

ObjectMeta meta_of_claim(std::uint32_t store, std::string_view claim) {
  return {.store = store,
          .type_hash = text_hash(claim_type),
          .type_name = claim_type,
          .name = claim,
          .extents = {}};
}

}  // namespace

std::vector<std::size_t> NameClaims::HeldSome::claimed(std::span<const std::size_t> places,
                                                       std::vector<std::size_t>& alone) const {
  std::vector<std::size_t> claimed;
  for (std::size_t one = 0; one < places.size(); ++one) {
    (has(one) ? claimed : alone).push_back(places[one]);
  }
  return claimed;
}

Result<Key> NameClaims::put(std::string_view claim, const SealOptions& options, Clock::time_point until) {
  const auto draft = room_.create(0, meta_of_claim(store_, claim), until);
  if (!draft) {
    return draft.error();
  }
  const auto sealed = connector_->seal(*draft, options, until);
  return sealed ? Result<Key>(sealed->key) : sealed.error();
}

Result<NameClaims::Held> NameClaims::take(const Address& name, Clock::time_point until) {
  constexpr std::chrono::microseconds shortest_sleep{20};
  constexpr std::chrono::milliseconds longest_sleep{2};
  constexpr std::chrono::milliseconds between_looks_for_the_lost{100};
  release_those_of_the_dead(false);
  const ClaimName claim(name);
  auto next_look = Clock::now() + between_looks_for_the_lost;
  SealOptions options;
  for (BackOff sleeps(shortest_sleep, longest_sleep);;) {
    const auto made = put(claim.text(), options, until);
    if (made) {
      return Result<Held>(std::in_place, connector_, *made);
    }
    const bool was_faster = options.mode == SealMode::replace &&
                            (made.error().code() == Errc::stale || made.error().code() == Errc::not_found);
    if (made.error().code() != Errc::key_exists && !was_faster) {
      return made.error();
    }
    if (Clock::now() >= until) {
      return deadline_passed("another rank or thread did not finish changing this name in the backend");
    }
    release_those_of_the_dead(true);
    options = {};
    if (Clock::now() >= next_look) {
      if (const auto lost = generation_if_lost(claim.text(), until)) {
        options = {SealMode::replace, *lost};
        continue;
      }
      next_look = Clock::now() + between_looks_for_the_lost;
    }
    const BlockingWait blocking;
    std::this_thread::sleep_for(sleeps.next());  // nobody is told when a claim is given back
  }
}

NameClaims::HeldSome NameClaims::take_free(std::span<const Address> names, Clock::time_point until) {
  release_those_of_the_dead(false);
  std::vector<ObjectDraft> drafts;
  drafts.reserve(names.size());
  for (const Address& name : names) {
    const auto draft = room_.create(0, meta_of_claim(store_, ClaimName(name).text()), until);
    if (!draft) {
      break;
    }
    drafts.push_back(*draft);
  }
  HeldSome held(connector_, names.size());  // before: add() does not throw
  const auto sealed = sealed_together(*connector_, drafts, until);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    if (sealed[at]) {
      held.add(at, sealed[at]->key);
    }
  }
  return held;
}

// Of a node that lives, ranks of it release the claims of dead ones.
std::optional<std::uint64_t> NameClaims::generation_if_lost(std::string_view claim, Clock::time_point until) {
  const auto live = connector_->get_some({store_, claim}, Facts(), until);
  if (!live) {
    return std::nullopt;
  }
  const ObjectFacts facts = live->facts();
  const auto asked = connector_->exists(Address(facts.key), until);  // by its key: its maker's node answers
  const bool is_lost = !asked && asked.error().code() == Errc::peer_lost;
  return is_lost && facts.generation != 0 ? std::optional(facts.generation) : std::nullopt;
}

// Once for each death: ranks of other nodes may wait for it. Who is held up himself looks again: what a rank
// has begun when it dies may be completed after that.
void NameClaims::release_those_of_the_dead(bool is_held_up) {
  const std::vector<int> lost = lost_node_peers_ ? lost_node_peers_() : std::vector<int>();
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
