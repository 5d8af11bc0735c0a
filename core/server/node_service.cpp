#include "core/server/node_service.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "core/server/bind_recovery.hpp"

namespace locum {

NodeService::NodeService(ServiceParts parts, std::shared_ptr<NameChangeNotifier> notifier)
    : parts_(std::move(parts)),
      copies_(parts_),
      objects_(parts_),
      part_service_(parts_),
      batches_(parts_),
      names_(parts_, notifier),
      notifier_(std::move(notifier)) {}

void NodeService::asked(const Question& question) noexcept {
  try {
    dispatch(question);
  } catch (const Error& error) {
    parts_.refuse(asker_of(question), could_not_answer(error));
  }
}

void NodeService::on_rank_lost(int rank) noexcept {
  parts_.read_leases->forget(rank);
  names_.forget(rank);
  parts_.promise_waits->forget(rank);
  if (parts_.nodes->of_creator(static_cast<std::uint32_t>(rank)) == parts_.nodes->own()) {
    parts_.copies.here->unmark_all(rank);
  }
}

Exchange::Clock::time_point NodeService::next_due() const noexcept {
  if (parts_.bind_recovery->has_named()) {
    return {};  // long ago
  }
  return notifier_->rung() ? look_due_ : Exchange::Clock::time_point::max();
}

void NodeService::do_due(Exchange::Clock::time_point now) noexcept {
  if (parts_.bind_recovery->has_named()) {
    parts_.bind_recovery->settle_named();
  }
  if (look_due_ <= now && notifier_->take()) {
    look_for_all_awaited(now);
  }
}

// A notification does not say which name was bound, so all are looked up; and not again before the duration
// of the last look-up has passed: however many names are awaited, binding names in a row takes at most twice
// the time.
void NodeService::look_for_all_awaited(Exchange::Clock::time_point now) noexcept {
  constexpr auto of_one_look = std::chrono::microseconds(1);
  const std::size_t awaited = names_.awaited() + parts_.promise_waits->size();
  look_due_ = now + of_one_look * static_cast<std::int64_t>(awaited);
  names_.look_for_awaited();
  parts_.promise_waits->look_here();
}

void NodeService::close(const Error& error) noexcept {
  names_.close(error);
}

void NodeService::settle_estate() noexcept {
  parts_.bind_recovery->settle_estate();
  parts_.copies.holders->dissolve_gone();
  parts_.copies.here->adopt();
}

void NodeService::dispatch(const Question& question) {
  const Asker asker = asker_of(question);
  switch (question.kind) {
    case Kind::fetch:
      return objects_.fetch(question, asker);
    case Kind::fetch_part:
      return part_service_.fetch_part(question, asker);
    case Kind::fetch_hyperslab:
      return part_service_.fetch_hyperslab(question, asker);
    case Kind::fetch_batch:
      return batches_.fetch(question, asker);
    case Kind::look_up_batch:
      return batches_.look_up(question, asker);
    case Kind::evict_batch:
    case Kind::unbind_batch:
    case Kind::bind_batch:
      return parts_.bundles->take(question, *this) ? void() : parts_.refuse_senseless(question);
    case Kind::describe:
      return objects_.describe(question, asker);
    case Kind::exists:
      return objects_.exists(question, asker);
    case Kind::evict:
      return objects_.evict(question, asker);
    case Kind::retire:
      return objects_.retire(question, asker);
    case Kind::look_up:
      return names_.look_up(question, asker);
    case Kind::await:
      return names_.await(question, asker);
    case Kind::bind:
      return names_.bind(question, asker);
    case Kind::unbind:
      return names_.unbind(question, asker);
    case Kind::generation:
      return names_.generation(question, asker);
    case Kind::list:
      return names_.list(question, asker);
    case Kind::roll_call:
      return roll_call(asker);
    case Kind::obituary:
      return obituary(question, asker);
    case Kind::copy:
    case Kind::lease_read:
      return copies_.copy(question, asker);
    case Kind::end_read:
      return copies_.release(question, asker);
    case Kind::recall_read:
      return copies_.recall(question, asker);
    case Kind::invalidate:
      return copies_.invalidate(question, asker);
    case Kind::renew:
      return copies_.renew(question, asker);
    case Kind::join:
      return copies_.join(question, asker);
    case Kind::reply:
    case Kind::ping:
      break;
  }
  parts_.refuse_senseless(question);
}

void NodeService::roll_call(Asker asker) const {
  const auto lost = std::make_shared<std::vector<std::uint32_t>>();
  for (const int rank : parts_.lost_mates ? parts_.lost_mates() : std::vector<int>()) {
    lost->push_back(static_cast<std::uint32_t>(rank));
  }
  parts_.answer(asker, {}, {std::as_bytes(std::span(*lost)), lost});
}

// The ranks of a node learn of a death from the system; their report is trusted, as in a roll call.
void NodeService::obituary(const Question& question, Asker asker) const {
  const auto dead = read_words<RankWords>(question.body);
  if (!dead || parts_.nodes->of_creator(dead->rank) != parts_.node_of(question) ||
      static_cast<int>(dead->rank) == question.from) {
    return parts_.refuse_senseless(question);
  }
  parts_.exchange->lose(static_cast<int>(dead->rank),
                        Error(Errc::peer_lost, "ranks of its node report its death"));
  parts_.answer(asker, {});
}

}  // namespace locum
