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

void NodeService::on_rank_lost(int rank) noexcept {
  parts_.read_leases->forget(rank);
  names_.forget(rank);
  parts_.waits->forget(rank);
  if (parts_.nodes->of_creator(static_cast<std::uint32_t>(rank)) == parts_.nodes->own()) {
    parts_.copies.here->unmark_all(rank);
  }
}

RpcChannel::Clock::time_point NodeService::next_due() const noexcept {
  if (parts_.bind_recovery->has_named()) {
    return {};  // long ago
  }
  return notifier_->rung() ? look_due_ : RpcChannel::Clock::time_point::max();
}

void NodeService::do_due(RpcChannel::Clock::time_point now) noexcept {
  if (parts_.bind_recovery->has_named()) {
    parts_.bind_recovery->settle_named();
  }
  look_for_bound(now);
}

void NodeService::look_for_bound(RpcChannel::Clock::time_point now) noexcept {
  if (look_due_ <= now && notifier_->take()) {
    look_for_all_awaited(now);
  }
}

// A notification does not say which name was bound, so all are looked up; and not again before the duration
// of the last look-up has passed: however many names are awaited, binding names in a row takes at most twice
// the time.
void NodeService::look_for_all_awaited(RpcChannel::Clock::time_point now) noexcept {
  constexpr auto of_one_look = std::chrono::microseconds(1);
  const std::size_t awaited = names_.awaited() + parts_.waits->size();
  look_due_ = now + of_one_look * static_cast<std::int64_t>(awaited);
  names_.look_for_awaited();
  parts_.waits->look_here();
}

void NodeService::close(const Error& error) noexcept {
  names_.close(error);
}

void NodeService::settle_dead_binds() noexcept {
  parts_.bind_recovery->settle_dead_binds();
  parts_.copies.holders->dissolve_gone();
  parts_.copies.here->adopt();
}

// Each service gets the words of its request, which is refused if it has others.
void NodeService::serve(const Request& request) noexcept {
  const ReplyTo reply_to = reply_to_of(request);
  const auto ask = [&]<class Words, class Asked>(
                       Asked& service, void (Asked::*answer)(const Words& asked, const Request&, ReplyTo)) {
    const auto asked = read_words<Words>(request.body);
    asked ? (service.*answer)(*asked, request, reply_to) : parts_.refuse_senseless(request);
  };
  switch (request.kind) {
    case Kind::fetch:
      return ask(objects_, &ObjectService::fetch);
    case Kind::fetch_part:
      return ask(part_service_, &PartService::fetch_part);
    case Kind::fetch_hyperslab:
      return ask(part_service_, &PartService::fetch_hyperslab);
    case Kind::fetch_batch:
      return ask(batches_, &BatchService::fetch);
    case Kind::look_up_batch:
      return ask(batches_, &BatchService::look_up);
    case Kind::evict_batch:
    case Kind::unbind_batch:
    case Kind::bind_batch:
      return parts_.dispatcher->take(request, *this) ? void() : parts_.refuse_senseless(request);
    case Kind::describe:
      return ask(objects_, &ObjectService::describe);
    case Kind::exists:
      return ask(objects_, &ObjectService::exists);
    case Kind::evict:
      return ask(objects_, &ObjectService::evict);
    case Kind::retire:
      return ask(objects_, &ObjectService::retire);
    case Kind::look_up:
      return ask(names_, &NameService::look_up);
    case Kind::await:
      return ask(names_, &NameService::await);
    case Kind::bind:
      return ask(names_, &NameService::bind);
    case Kind::unbind:
      return ask(names_, &NameService::unbind);
    case Kind::generation:
      return ask(names_, &NameService::generation);
    case Kind::list:
      return ask(names_, &NameService::list);
    case Kind::roll_call:
      return roll_call(reply_to);
    case Kind::death_notice:
      return ask(*this, &NodeService::death_notice);
    case Kind::copy:
    case Kind::lease_read:
      return ask(copies_, &CopyService::copy);
    case Kind::end_read:
      return ask(copies_, &CopyService::release);
    case Kind::recall_read:
      return ask(copies_, &CopyService::recall);
    case Kind::invalidate:
      return ask(copies_, &CopyService::invalidate);
    case Kind::renew:
      return copies_.renew(request, reply_to);
    case Kind::join:
      return ask(copies_, &CopyService::join);
    case Kind::reply:
    case Kind::ping:
    case Kind::together:
      break;
  }
  parts_.refuse_senseless(request);
}

void NodeService::roll_call(ReplyTo reply_to) const {
  const auto lost = std::make_shared<std::vector<std::uint32_t>>();
  for (const int rank : parts_.lost_node_peers ? parts_.lost_node_peers() : std::vector<int>()) {
    lost->push_back(static_cast<std::uint32_t>(rank));
  }
  parts_.reply(reply_to, {}, {std::as_bytes(std::span(*lost)), lost});
}

// The ranks of a node learn of a death from the system; their report is trusted, as in a roll call.
void NodeService::death_notice(const RankWords& dead, const Request& request, ReplyTo reply_to) {
  const int rank = static_cast<int>(dead.rank);
  if (parts_.nodes->of_creator(dead.rank) != parts_.node_of(request) || rank == request.from) {
    return parts_.refuse_senseless(request);
  }
  parts_.channel->lose(rank, call_error::death_reported());
  parts_.reply(reply_to, {});
}

}  // namespace locum
