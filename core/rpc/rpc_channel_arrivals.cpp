#include <cstring>
#include <string>
#include <utility>

#include "core/rpc/call_error.hpp"
#include "core/rpc/rpc_channel.hpp"
#include "core/rpc/together_wire.hpp"

// Incoming messages of other ranks: nothing in them is trusted.
namespace locum {

namespace {

// The bulk of a request is a name, a type's name and a value that fits into a message: correct ranks never
// send more.
constexpr std::uint64_t max_request_bulk = 1U << 20U;

// Kinds that are handled when read, and take no memory here.
bool needs_no_answer(Kind kind) {
  return kind == Kind::ping || kind == Kind::end_read || kind == Kind::together;
}

bool known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(Kind::reply) && kind <= last_kind;
}

}  // namespace

std::span<std::byte> RpcChannel::arrived(const Arrival& message) noexcept {
  Envelope envelope;
  if (message.from < 0 || message.from >= options_.size || message.header.size() < sizeof envelope ||
      message.header.size() > max_header_bytes) {
    dropped_foreign();
    return {};
  }
  std::memcpy(&envelope, message.header.data(), sizeof envelope);
  if (envelope.version != wire_version || envelope.incarnation != options_.incarnation ||
      !known(static_cast<std::uint8_t>(envelope.kind))) {
    dropped_foreign();
    return {};
  }
  if (is_lost(message.from)) {
    return {};
  }
  peer_monitor_.heard(message.from);
  const auto body = message.header.subspan(sizeof envelope);
  if (message.bulk_bytes == message.present.size()) {
    accept(message.from, envelope, body, message.present);
    return {};
  }
  if (envelope.kind == Kind::together) {  // with it, replies would be lost that are waited for
    return message.bulk_bytes <= most_together_bytes && !inbound_quota_.is_overrun(message.from)
               ? land(message, envelope, body)
               : (dropped_foreign(), std::span<std::byte>());
  }
  if (envelope.kind != Kind::reply && inbound_quota_.is_crowded(message.from, message.bulk_bytes)) {
    turn_away(message.from, envelope, call_error::crowded(message.from, options_.rank));
    return {};
  }
  return land(message, envelope, body);
}

// A message that has arrived whole.
void RpcChannel::accept(int from, const Envelope& envelope, std::span<const std::byte> body,
                        std::span<const std::byte> bulk) noexcept {
  if (envelope.kind != Kind::reply && !needs_no_answer(envelope.kind) && inbound_quota_.is_crowded(from, 0)) {
    return turn_away(from, envelope, call_error::crowded(from, options_.rank));
  }
  deliver(from, envelope, body, bulk, Path::inline_value);
}

// Each as if it had arrived alone; the first one that no rank sends ends it.
void RpcChannel::accept_together(int from, std::span<const std::byte> messages) noexcept {
  together_with_ = from;
  while (!messages.empty() && !is_lost(from)) {
    const auto message = next_message(messages);
    const Envelope envelope = message ? message->envelope : Envelope{.version = 0};
    if (envelope.version != wire_version || envelope.incarnation != options_.incarnation ||
        !known(static_cast<std::uint8_t>(envelope.kind)) || envelope.kind == Kind::together) {
      dropped_foreign();
      break;
    }
    accept(from, envelope, message->body, message->bulk);
  }
  together_with_ = -1;
}

// Memory for a bulk that is still arriving; empty if it is not wanted.
std::span<std::byte> RpcChannel::land(const Arrival& message, const Envelope& envelope,
                                      std::span<const std::byte> body) noexcept {
  InboundBulk landing{message.from, envelope, ShortBytes(body), {}, {}, nullptr};
  if (envelope.kind == Kind::reply) {
    const auto* asked = calls_.find(envelope.call);
    if (asked == nullptr || asked->rank != message.from || asked->lands) {
      return {};  // the call timed out, never existed, or has its reply
    }
    landing.call = asked->call;
    landing.bulk = landing.call->landing(landing.body, message.bulk_bytes);
    if (landing.bulk.size() != message.bulk_bytes) {
      settle(envelope.call,
             Error(Errc::out_of_memory,
                   "no memory for the " + std::to_string(message.bulk_bytes) +
                       " bytes of a reply; evict unneeded objects, or give the runtime more memory_bytes"));
      return {};
    }
    calls_.set_lands(envelope.call, true);
  } else {
    if (message.bulk_bytes > max_request_bulk) {
      turn_away(message.from, envelope,
                Error(Errc::invalid_argument, "a request of " + std::to_string(message.bulk_bytes) +
                                                  " bytes is longer than any request"));
      return {};
    }
    landing.request_bulk.resize(message.bulk_bytes);
    landing.bulk = landing.request_bulk;
  }
  const auto bulk = landing.bulk;
  const auto now = transport_->now();
  inbound_.add(message.landing, std::move(landing), now);
  if (envelope.kind != Kind::reply) {
    inbound_quota_.lands(message.from, message.bulk_bytes);
  }
  peer_monitor_.moves(message.from, message.bulk_bytes, now);
  peer_monitor_.owe(message.from);
  return bulk;
}

// Every caller that waits for a reply has given a deadline.
bool RpcChannel::is_awaited(const InboundBulk& landing) const noexcept {
  const auto* asked = landing.call ? calls_.find(landing.envelope.call) : nullptr;
  return asked != nullptr && asked->call == landing.call;
}

void RpcChannel::landed(std::uint64_t number, const Result<Path>& outcome) noexcept {
  const auto taken = inbound_.take(number);
  if (!taken) {
    return;
  }
  const InboundBulk& landing = *taken;
  peer_monitor_.moved(landing.from);
  peer_monitor_.repay(landing.from);
  if (landing.envelope.kind != Kind::reply) {
    inbound_quota_.landed(landing.from, landing.request_bulk.size());
  }
  if (landing.envelope.kind == Kind::reply && calls_.find(landing.envelope.call) != nullptr) {
    calls_.set_lands(landing.envelope.call, false);
  }
  if (is_lost(landing.from)) {
    if (landing.envelope.kind == Kind::reply) {
      end(landing.envelope.call, *why_lost_[static_cast<std::size_t>(landing.from)]);
    }
    return;
  }
  peer_monitor_.heard(landing.from);
  if (outcome) {
    deliver(landing.from, landing.envelope, landing.body, landing.bulk, *outcome);
  } else if (landing.envelope.kind == Kind::reply) {
    end(landing.envelope.call, call_error::gone(landing.from, outcome.error()));
  }
}

void RpcChannel::deliver(int from, const Envelope& envelope, std::span<const std::byte> body,
                         std::span<const std::byte> bulk, Path path) noexcept {
  switch (envelope.kind) {
    case Kind::reply: {
      const auto* asked = calls_.find(envelope.call);
      if (asked == nullptr || asked->rank != from || asked->lands) {
        return;
      }
      if (envelope.status != 0) {
        const Error error = call_error::told(envelope.status, body.empty() ? bulk : body, from);
        // Sent by the service itself: a damaged message with contradictory parts does not mean that it
        // closed.
        if (error.code() == Errc::closed && envelope.status == static_cast<std::uint8_t>(Errc::closed)) {
          has_closed_[static_cast<std::size_t>(from)].store(true, std::memory_order_release);
        }
        const auto call = take(envelope.call);
        if (call) {
          call->refused(error, call);
        }
      } else {
        settle(envelope.call, Reply{body, bulk, path});
      }
      return;
    }
    case Kind::ping:  // with any number: it is not a reply
      send_or_keep(from, {.kind = Kind::reply, .call = envelope.call, .incarnation = options_.incarnation},
                   {});
      return;
    case Kind::together:
      return accept_together(from, bulk);
    default:
      break;
  }
  if (service_ == nullptr) {
    say_no(from, envelope.call, call_error::closed(options_.rank));
  } else {
    unhurried_ = envelope.unhurried != 0 ? std::optional(std::pair(from, envelope.call)) : std::nullopt;
    serve_request({from, envelope.call, envelope.kind, body, bulk});
    unhurried_.reset();
  }
}

// Requests that the service does not reply to at once count until it does. Waits for names, which may never
// be answered, are bounded by the service. A correct rank never repeats the number of an open request, and
// never uses 0 for a request that needs a reply: it could not match the reply.
void RpcChannel::serve_request(const Request& request) noexcept {
  const bool senseless =
      request.call == 0 ? !needs_no_answer(request.kind) : inbound_quota_.is_open(request.from, request.call);
  if (senseless) {
    return Metrics::increment(metrics_->turned_away);
  }
  inbound_quota_.look_at(request.from, request.call);
  service_->serve(request);
  inbound_quota_.look_away(request.kind != Kind::await);
}

// Rejects a request unread. An open request with the same number is not affected.
void RpcChannel::turn_away(int from, const Envelope& envelope, const Error& error) noexcept {
  Metrics::increment(metrics_->turned_away);
  say_no(from, envelope.call, error);
}

}  // namespace locum
