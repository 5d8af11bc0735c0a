#include "core/rpc/rpc_channel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/rpc/packed_error.hpp"

namespace locum {

namespace {

// Steps after which the clock is read in any case.
constexpr int steps_a_look = 32;

// Replies that the transport does not accept yet: while they are kept, this many threads may have requests at
// this rank.
constexpr std::size_t most_unsent = 64;
constexpr std::chrono::milliseconds resend_interval{1};
// How long a reply that nobody waits for is kept for a message that takes it along.
constexpr std::chrono::milliseconds longest_hold{10};

}  // namespace

RpcChannel::RpcChannel(std::shared_ptr<Transport> transport, std::shared_ptr<Metrics> metrics,
                       const RpcChannelOptions& options)
    : inbound_(options.patience),
      transport_(std::move(transport)),
      metrics_(std::move(metrics)),
      options_(options),
      inbound_quota_(options.size,
                     {options.most_requests, options.most_request_bytes, options.most_answer_bytes}),
      peer_monitor_(options.size, options.patience, options.node_of_rank),
      why_lost_(static_cast<std::size_t>(options.size)),
      lost_(static_cast<std::size_t>(options.size)),
      has_closed_(static_cast<std::size_t>(options.size)) {
  unsent_.reserve(most_unsent);
}

void RpcChannel::ask(int rank, Kind kind, std::span<const std::byte> body, Bulk bulk,
                     Clock::time_point deadline, std::shared_ptr<Call> call, Urgency urgency) noexcept {
  const std::uint32_t number = calls_.add({rank, deadline, std::move(call), false, kind == Kind::await});
  peer_monitor_.owe(rank);
  if (closed_ || is_lost(rank)) {
    in_vain_ = true;
    return;
  }
  Envelope envelope{.kind = kind, .call = number, .incarnation = options_.incarnation};
  envelope.unhurried = urgency == Urgency::none ? 1 : 0;
  if (urgency != Urgency::now) {
    if (hold(rank, Clock::time_point::min(), envelope, body, bulk)) {
      return;
    }
  }
  if (const auto taken = send(rank, envelope, body, std::move(bulk)); !taken) {
    settle(number, taken.error());
  }
}

void RpcChannel::tell(int rank, Kind kind, std::span<const std::byte> body) noexcept {
  if (!closed_) {
    send_or_keep(rank, {.kind = kind, .incarnation = options_.incarnation}, body);
  }
}

void RpcChannel::reply(int to, std::uint32_t call, std::span<const std::byte> body, Bulk bulk) noexcept {
  inbound_quota_.answered(to, call);
  const Envelope envelope{.kind = Kind::reply, .call = call, .incarnation = options_.incarnation};
  const bool is_unhurried = unhurried_ == std::pair(to, call);
  if (is_unhurried || together_with_ == to) {
    const auto due = is_unhurried ? looked_at_ + longest_hold : Clock::time_point::min();
    if (hold(to, due, envelope, body, bulk)) {
      return;
    }
  }
  if (bulk.bytes.empty()) {
    return send_or_keep(to, envelope, body);
  }
  if (const auto taken = send(to, envelope, body, std::move(bulk)); !taken) {
    say_no(to, call, taken.error());
  }
}

void RpcChannel::refuse(int to, std::uint32_t call, const Error& error) noexcept {
  inbound_quota_.answered(to, call);
  say_no(to, call, error);
}

void RpcChannel::say_no(int to, std::uint32_t call, const Error& error) noexcept {
  const Envelope envelope{.kind = Kind::reply,
                          .status = static_cast<std::uint8_t>(error.code()),
                          .call = call,
                          .incarnation = options_.incarnation};
  auto packed = std::make_shared<const std::vector<std::byte>>(pack(error));
  if (packed->size() <= max_body_bytes) {
    return send_or_keep(to, envelope, *packed);
  }
  if (!has_room(to, packed->size()) || !send(to, envelope, {}, {*packed, packed, packed->size()})) {
    send_or_keep(to, envelope, {});
  }
}

// A message without a bulk can be kept until the transport accepts it.
void RpcChannel::send_or_keep(int to, const Envelope& envelope, std::span<const std::byte> body) noexcept {
  if (!send(to, envelope, body, {}) && unsent_.size() < unsent_.capacity()) {
    unsent_.push_back({to, envelope, ShortBytes(body)});
  }
}

// Whether any of them was sent.
bool RpcChannel::send_unsent() noexcept {
  std::size_t sent = 0;
  while (sent < unsent_.size() &&
         send(unsent_[sent].to, unsent_[sent].envelope, unsent_[sent].body, {})) {  // the rest is sent later
    ++sent;
  }
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
  return sent != 0;
}

// A lost ping does not matter: the next one follows soon.
void RpcChannel::ping(int rank) noexcept {
  (void)send(rank, {.kind = Kind::ping, .incarnation = options_.incarnation}, {}, {});
}

// Whether the message was kept. A request owns the bulk that has no other owner.
bool RpcChannel::hold(int to, Clock::time_point due, const Envelope& envelope,
                      std::span<const std::byte> body, Bulk bulk) noexcept {
  if (const auto* asked = bulk.keep || envelope.kind == Kind::reply ? nullptr : calls_.find(envelope.call)) {
    bulk.keep = asked->call;
  }
  return bulk.made_bytes == 0 && held_.keep({to, due, envelope, ShortBytes(body), std::move(bulk)});
}

// Sends what was kept long enough; whether there was anything. What the transport does not accept goes the
// way of all other messages.
bool RpcChannel::send_held(Clock::time_point until) noexcept {
  bool any = false;
  while (auto held = held_.take_due(until)) {
    any = true;
    const Envelope& envelope = held->envelope;
    const auto taken = send(held->to, envelope, held->body, held->bulk);
    if (!taken && envelope.kind != Kind::reply) {
      end(envelope.call, taken.error());
    } else if (!taken && held->bulk.bytes.empty()) {
      send_or_keep(held->to, envelope, held->body);
    } else if (!taken) {
      say_no(held->to, envelope.call, taken.error());
    }
  }
  return any;
}

// Takes along what is kept for the rank.
Result<void> RpcChannel::send(int to, const Envelope& envelope, std::span<const std::byte> body,
                              Bulk bulk) noexcept {
  if (held_.empty() || is_lost(to) || bulk.made_bytes != 0) {
    return send_alone(to, envelope, body, std::move(bulk));
  }
  auto all = held_.with(to, {envelope, body, bulk.bytes});
  if (!all) {
    return send_alone(to, envelope, body, std::move(bulk));
  }
  auto sent =
      send_alone(to, {.kind = Kind::together, .incarnation = options_.incarnation}, {}, *std::move(all));
  if (sent) {
    held_.sent_with(to);
  }
  return sent;
}

// A message that cannot be sent because its rank is gone counts as lost in transfer: lose() ends the call. An
// error means that the transport does not accept the message now, and has not sent it.
Result<void> RpcChannel::send_alone(int to, const Envelope& envelope, std::span<const std::byte> body,
                                    Bulk bulk) noexcept {
  if (is_lost(to)) {
    return {};
  }
  std::array<std::byte, max_header_bytes> header;
  std::memcpy(header.data(), &envelope, sizeof envelope);
  std::copy(body.begin(), body.end(), header.begin() + sizeof envelope);
  const std::uint32_t ticket = outgoing_.reserve();
  const auto sending =
      transport_->send(to, std::span(header).first(sizeof envelope + body.size()), bulk.bytes, ticket);
  if (!sending) {
    if (sending.error().code() == Errc::out_of_memory) {
      return sending.error();
    }
    lose(to, sending.error());
    return {};
  }
  Metrics::increment(metrics_->messages);
  if (*sending == Sending::pending) {
    const bool replies = envelope.kind == Kind::reply;
    if (const auto* asked = replies || bulk.keep ? nullptr : calls_.find(envelope.call)) {
      bulk.keep = asked->call;
    }
    if (replies) {
      inbound_quota_.replies(to, bulk.made_bytes);
    }
    peer_monitor_.moves(to, bulk.bytes.size(), transport_->now());
    outgoing_.put({to, std::move(bulk), replies});
    peer_monitor_.owe(to);  // the confirmation that it has read the bulk, which stays until then
  }
  return {};
}

// Failures are reported as a lost rank.
void RpcChannel::sent(std::uint64_t ticket, const Result<void>& /*outcome*/) noexcept {
  const auto number = static_cast<std::uint32_t>(ticket);
  if (outgoing_.find(number) == nullptr) {
    return;
  }
  const Outgoing outgoing = outgoing_.take(number);
  peer_monitor_.moved(outgoing.to);
  peer_monitor_.repay(outgoing.to);
  if (outgoing.replies) {
    inbound_quota_.has_read(outgoing.to, outgoing.bulk.made_bytes);
  }
}

void RpcChannel::end(std::uint32_t number, const Result<Reply>& outcome) noexcept {
  if (calls_.find(number) != nullptr) {
    settle(number, outcome);
  }
}

// The call is removed first: it may send a request again from within ended().
void RpcChannel::settle(std::uint32_t number, const Result<Reply>& outcome) noexcept {
  const auto call = take(number);
  if (call) {
    call->ended(outcome, call);
  }
}

std::shared_ptr<Call> RpcChannel::take(std::uint32_t number) noexcept {
  CallTable::OpenCall asked = calls_.take(number);
  peer_monitor_.repay(asked.rank);
  return std::move(asked.call);
}

void RpcChannel::doubt(int rank) noexcept {
  if (peer_monitor_.doubt(rank)) {
    ping(rank);
  }
}

void RpcChannel::lose(int rank, const Error& cause) noexcept {
  auto& lost = lost_[static_cast<std::size_t>(rank)];
  if (rank == options_.rank || lost.exchange(true, std::memory_order_acq_rel)) {
    return;
  }
  inbound_quota_.forget(rank);
  peer_monitor_.forget(rank);
  held_.forget(rank);
  // A call whose bulk is in transfer ends in landed(): until then the transport may write to its memory.
  why_lost_[static_cast<std::size_t>(rank)] = call_error::gone(rank, cause);
  in_vain_ = true;
  transport_->forget(rank);
  if (service_ != nullptr) {
    service_->on_rank_lost(rank);
  }
}

bool RpcChannel::step(bool spinning) {
  bool busy = !held_.empty() && send_held(looked_at_);  // what was asked since the last step
  busy = transport_->progress(*this) || busy;
  if (busy) {
    peer_monitor_.note_movement();
  }
  if ((!busy && !spinning) || ++steps_ == steps_a_look) {
    busy = look_at_clock() || busy;
  }
  if (!unsent_.empty()) {
    busy = send_unsent() || busy;
  }
  if (!held_.empty()) {
    busy = send_held(looked_at_) || busy;
  }
  return in_vain_ ? end_calls_in_vain() || busy : busy;
}

// Whether there were any. They may send requests again from within.
bool RpcChannel::end_calls_in_vain() noexcept {
  bool any = false;
  while (std::exchange(in_vain_, false)) {
    const auto is_vain = [this](const CallTable::OpenCall& asked) {
      return closed_ || (is_lost(asked.rank) && !asked.lands);
    };
    std::size_t place = 0;
    while (const std::uint32_t number = calls_.find_if(place, is_vain)) {
      const auto rank = static_cast<std::size_t>(calls_.find(number)->rank);
      settle(number, closed_ ? *closed_ : *why_lost_[rank]);
      any = true;
    }
  }
  return any;
}

bool RpcChannel::look_at_clock() noexcept {
  steps_ = 0;
  looked_at_ = transport_->now();
  if (peer_monitor_.any()) {
    peer_monitor_.look(
        looked_at_, [this](int rank) { ping(rank); },
        [this](int rank) { lose(rank, call_error::silent(options_.patience)); });
  }
  inbound_.look(
      looked_at_, [this](const InboundBulk& landing) { return is_awaited(landing); },
      [this](int rank) { lose(rank, call_error::unmoved()); });
  bool any = false;
  for (; calls_.next_deadline() <= looked_at_; any = true) {
    const std::uint32_t number = calls_.next_due();
    const int rank = calls_.find(number)->rank;
    const bool waits = calls_.find(number)->waits;
    settle(number, call_error::late(rank, options_.serves));
    if (!waits) {
      doubt(rank);  // else a caller with a shorter deadline would never detect its death
    }
  }
  for (; !alarms_.empty() && alarms_.begin()->first <= looked_at_; any = true) {
    const auto alarm = alarms_.extract(alarms_.begin());
    alarm.mapped()();
  }
  if (service_ != nullptr && service_->next_due() <= looked_at_) {
    service_->do_due(looked_at_);
    any = true;
  }
  return any;
}

void RpcChannel::call_at(Clock::time_point moment, std::function<void()> action) {
  if (!closed_) {
    alarms_.emplace(moment, std::move(action));
  }
}

RpcChannel::Clock::time_point RpcChannel::next_due() const noexcept {
  if (in_vain_) {
    return transport_->now();
  }
  auto due = calls_.next_deadline();
  if (!alarms_.empty()) {
    due = std::min(due, alarms_.begin()->first);
  }
  if (service_ != nullptr) {
    due = std::min(due, service_->next_due());
  }
  if (!unsent_.empty()) {
    due = std::min(due, transport_->now() + resend_interval);
  }
  due = std::min(due, held_.next_due());
  if (peer_monitor_.any()) {
    due = std::min(due, peer_monitor_.next_due(transport_->now()));
  }
  return std::min(due, inbound_.next_due());
}

void RpcChannel::close(const Error& error) noexcept {
  (void)send_held(Clock::time_point::max());
  closed_ = error;
  service_ = nullptr;
  alarms_.clear();
  held_.clear();
  while (calls_.size() != 0) {
    settle(calls_.next_due(), error);
  }
}

}  // namespace locum
