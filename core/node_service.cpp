#include "core/node_service.hpp"

#include <cstdint>
#include <new>
#include <utility>

namespace locum {

NodeService::NodeService(ServiceParts parts, std::function<std::vector<int>()> lost_mates,
                         std::shared_ptr<NameWatcher> watcher)
    : parts_(std::move(parts)),
      copies_(parts_),
      objects_(parts_, copies_),
      part_service_(parts_),
      names_(parts_, copies_, std::move(watcher)),
      lost_mates_(std::move(lost_mates)) {}

void NodeService::asked(const Question& question) noexcept {
  try {
    dispatch(question);
  } catch (const std::bad_alloc&) {
    parts_.refuse(asker_of(question),
                  Error(Errc::out_of_memory, "the rank that was asked has no memory left"));
  } catch (const std::exception& exception) {
    parts_.refuse(asker_of(question),
                  Error(Errc::system, "the rank that was asked could not answer", exception.what()));
  }
}

void NodeService::bereaved(int rank) noexcept {
  names_.forget(rank);
  parts_.read_leases->forget(rank);
  if (parts_.nodes->of_creator(static_cast<std::uint32_t>(rank)) != parts_.nodes->own()) {
    return;
  }
  try {
    parts_.copies.here->unmark_all(rank);
  } catch (const std::bad_alloc&) {  // then whoever wants the object finds out, and takes the mark over
  }
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
  for (const int rank : lost_mates_ ? lost_mates_() : std::vector<int>()) {
    lost->push_back(static_cast<std::uint32_t>(rank));
  }
  parts_.answer(asker, {}, {std::as_bytes(std::span(*lost)), lost});
}

// The ranks of a node know of a death by the system, and are believed as in a roll call.
void NodeService::obituary(const Question& question, Asker asker) const {
  const auto dead = read_words<RankWords>(question.body);
  if (!dead || parts_.nodes->of_creator(dead->rank) != parts_.node_of(question) ||
      static_cast<int>(dead->rank) == question.from) {
    return parts_.refuse_senseless(question);
  }
  parts_.exchange->lose(static_cast<int>(dead->rank), Error(Errc::peer_lost, "the ranks of its node say so"));
  parts_.answer(asker, {});
}

}  // namespace locum
