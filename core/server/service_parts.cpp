#include "core/server/service_parts.hpp"

#include <string>

#include "core/async/until_unlocked.hpp"
#include "core/rpc/call_error.hpp"

namespace locum {

void ServiceParts::reply(ReplyTo reply_to, std::span<const std::byte> body, Bulk bulk) const noexcept {
  reply_to.is_batched() ? dispatcher->reply(reply_to, body)
                        : channel->reply(reply_to.rank, reply_to.call, body, std::move(bulk));
}

void ServiceParts::refuse(ReplyTo reply_to, const Error& error) const noexcept {
  const Error& told = error.code() == Errc::closed ? call_error::closed_meanwhile(error) : error;
  reply_to.is_batched() ? dispatcher->refuse(reply_to, told)
                        : channel->refuse(reply_to.rank, reply_to.call, told);
}

void ServiceParts::refuse_senseless(const Request& request) const {
  refuse(reply_to_of(request),
         Error(Errc::invalid_argument, "rank " + std::to_string(request.from) +
                                           " sent an invalid request (kind " +
                                           std::to_string(static_cast<int>(request.kind)) + ")"));
}

// A promise's name is at home on its maker's node; otherwise it is not one.
bool ServiceParts::is_at_home(std::uint32_t store, std::string_view name) const {
  const auto promised = promise_named(store, name);
  const bool may_be = !promised || nodes->of_creator(promised->creator) == nodes->own();
  return may_be && !name.empty() && name.size() <= max_name_bytes && !is_internal(store) &&
         nodes->home(store, name_hash(store, name)) == nodes->own();
}

int ServiceParts::node_of(const Request& request) const noexcept {
  return nodes->of_creator(static_cast<std::uint32_t>(request.from));
}

Task<Result<std::shared_ptr<const PinnedObject>>> ServiceParts::hold_from_disk(Key key) const {
  const auto hold = [&](const WaitBudget& budget) { return local.hold_object(key, budget); };
  auto held = co_await until_unlocked(*client, soon(), hold);
  co_await Operation::ToDriver();
  co_return std::move(held);
}

RpcChannel::Clock::time_point ServiceParts::soon() const {
  return Deadline().moment(timeout, channel->now());
}

}  // namespace locum
