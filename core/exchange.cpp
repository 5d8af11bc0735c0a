#include "core/exchange.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/call_error.hpp"
#include "core/packed_error.hpp"
#include "core/unless_out_of_memory.hpp"

namespace locum {

namespace {

// A question's bulk is a name, a type's name and a value that fits into a message: nobody honest sends more.
constexpr std::uint64_t max_question_bulk = 1U << 20U;
// So many steps follow each other before one looks at the clock in any case.
constexpr int steps_a_look = 32;

// Answers that wait for memory: so many threads may ask this rank at a time, when it has none.
constexpr std::size_t most_unsent = 64;
constexpr std::chrono::milliseconds resend_interval{1};

// What is dealt with as it is read, and takes no memory here.
bool needs_no_answer(Kind kind) {
  return kind == Kind::ping || kind == Kind::end_read;
}

bool known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(Kind::reply) && kind <= last_kind;
}

}  // namespace

Exchange::Exchange(std::shared_ptr<Transport> transport, std::shared_ptr<Metrics> metrics,
                   const ExchangeOptions& options)
    : transport_(std::move(transport)),
      metrics_(std::move(metrics)),
      options_(options),
      creditors_(options.size,
                 {options.most_questions, options.most_question_bytes, options.most_answer_bytes}),
      debtors_(options.size, options.patience, options.node_of_rank),
      why_lost_(static_cast<std::size_t>(options.size)),
      lost_(static_cast<std::size_t>(options.size)),
      has_closed_(static_cast<std::size_t>(options.size)) {
  call_error::prepare();
  unsent_.reserve(most_unsent);
}

void Exchange::ask(int rank, Kind kind, std::span<const std::byte> body, Bulk bulk,
                   Clock::time_point deadline, std::shared_ptr<Call> call) {
  const std::uint32_t number = calls_.add({rank, deadline, std::move(call), false, kind == Kind::await});
  debtors_.owe(rank);
  if (closed_ || is_lost(rank)) {
    in_vain_ = true;
    return;
  }
  try {
    send(rank, {.kind = kind, .call = number, .incarnation = options_.incarnation}, body, std::move(bulk));
  } catch (...) {
    debtors_.repay(rank);
    (void)calls_.take(number);
    throw;
  }
}

void Exchange::tell(int rank, Kind kind, std::span<const std::byte> body) noexcept {
  if (!closed_) {
    send_or_keep(rank, {.kind = kind, .incarnation = options_.incarnation}, body);
  }
}

void Exchange::answer(int to, std::uint32_t call, std::span<const std::byte> body, Bulk bulk) noexcept {
  creditors_.answered(to, call);
  const Envelope envelope{.kind = Kind::reply, .call = call, .incarnation = options_.incarnation};
  if (bulk.bytes.empty()) {
    return send_or_keep(to, envelope, body);
  }
  try {
    send(to, envelope, body, std::move(bulk));
  } catch (const std::bad_alloc&) {
    say_no(to, call, no_memory_left());
  }
}

void Exchange::refuse(int to, std::uint32_t call, const Error& error) noexcept {
  creditors_.answered(to, call);
  say_no(to, call, error);
}

// What is not even looked at. Another question of that number may be: it goes on.
void Exchange::turn_away(int from, const Envelope& envelope, const Error& error) noexcept {
  Metrics::increment(metrics_->turned_away);
  say_no(from, envelope.call, error);
}

void Exchange::say_no(int to, std::uint32_t call, const Error& error) noexcept {
  const Envelope envelope{.kind = Kind::reply,
                          .status = static_cast<std::uint8_t>(error.code()),
                          .call = call,
                          .incarnation = options_.incarnation};
  try {
    auto packed = std::make_shared<const std::vector<std::byte>>(pack(error));
    if (packed->size() <= max_body_bytes) {
      send(to, envelope, *packed, {});
    } else if (has_room(to, packed->size())) {
      send(to, envelope, {}, {*packed, packed, packed->size()});
    } else {
      send_or_keep(to, envelope, {});
    }
  } catch (const std::bad_alloc&) {
    send_or_keep(to, envelope, {});
  }
}

// What has no bulk can be kept until there is memory to send it.
void Exchange::send_or_keep(int to, const Envelope& envelope, std::span<const std::byte> body) noexcept {
  try {
    send(to, envelope, body, {});
  } catch (const std::bad_alloc&) {
    if (unsent_.size() < unsent_.capacity()) {
      unsent_.push_back({to, envelope, ShortBytes(body)});
    }
  }
}

// Whether any of them has been sent.
bool Exchange::send_unsent() noexcept {
  std::size_t sent = 0;
  try {
    for (; sent < unsent_.size(); ++sent) {
      const Unsent& next = unsent_[sent];
      send(next.to, next.envelope, next.body, {});
    }
  } catch (const std::bad_alloc&) {  // the rest later
  }
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
  return sent != 0;
}

// Nobody waits for the answer to this one: it is asked again soon.
void Exchange::ping(int rank) noexcept {
  unless_out_of_memory(
      [&] { send(rank, {.kind = Kind::ping, .incarnation = options_.incarnation}, {}, {}); });
}

// A message that cannot be sent because its rank is gone is lost like one under way: lose() tells who waits.
// Throws std::bad_alloc where there was no memory for it; it has not been sent then. There is room for what
// may have to be kept before anything is sent.
void Exchange::send(int to, const Envelope& envelope, std::span<const std::byte> body, Bulk bulk) {
  if (is_lost(to)) {
    return;
  }
  std::array<std::byte, max_header_bytes> header;
  std::memcpy(header.data(), &envelope, sizeof envelope);
  std::copy(body.begin(), body.end(), header.begin() + sizeof envelope);
  const std::uint32_t ticket = outgoing_.reserve();
  const auto sending =
      transport_->send(to, std::span(header).first(sizeof envelope + body.size()), bulk.bytes, ticket);
  if (!sending) {
    if (sending.error().code() == Errc::out_of_memory) {
      throw std::bad_alloc();
    }
    lose(to, sending.error());
    return;
  }
  Metrics::increment(metrics_->messages);
  if (*sending == Sending::pending) {
    const bool answers = envelope.kind == Kind::reply;
    if (const auto* asked = answers || bulk.keep ? nullptr : calls_.find(envelope.call)) {
      bulk.keep = asked->call;
    }
    if (answers) {
      creditors_.answers(to, bulk.made_bytes);
    }
    debtors_.moves(to, bulk.bytes.size(), transport_->now());
    outgoing_.put({to, std::move(bulk), answers});
    debtors_.owe(to);  // the word that it has read the bulk, which stays until then
  }
}

// What the service does not answer at once is counted until it does. It bounds itself how many waits for
// names it keeps, which may never be answered. Nobody who behaves repeats the number of a question that is
// open, or has none for what he wants to have answered: an answer would say nothing to him.
void Exchange::serve_question(const Question& question) noexcept {
  const bool senseless =
      question.call == 0 ? !needs_no_answer(question.kind) : creditors_.is_open(question.from, question.call);
  if (senseless) {
    return Metrics::increment(metrics_->turned_away);
  }
  try {
    creditors_.look_at(question.from, question.call);
  } catch (const std::bad_alloc&) {
    return say_no(question.from, question.call, no_memory_left());
  }
  service_->asked(question);
  creditors_.look_away(question.kind != Kind::await);
}

std::span<std::byte> Exchange::arrived(const Arrival& message) noexcept {
  Envelope envelope;
  if (message.from < 0 || message.from >= options_.size || is_lost(message.from) ||
      message.header.size() < sizeof envelope || message.header.size() > max_header_bytes) {
    return {};
  }
  std::memcpy(&envelope, message.header.data(), sizeof envelope);
  if (envelope.version != wire_version || envelope.incarnation != options_.incarnation ||
      !known(static_cast<std::uint8_t>(envelope.kind))) {
    return {};
  }
  debtors_.heard(message.from);
  const auto body = message.header.subspan(sizeof envelope);
  const bool lands = message.bulk_bytes != message.present.size();
  if (envelope.kind != Kind::reply && (lands || !needs_no_answer(envelope.kind)) &&
      creditors_.is_crowded(message.from, lands ? message.bulk_bytes : 0)) {
    turn_away(message.from, envelope, call_error::crowded(message.from, options_.rank));
    return {};
  }
  if (!lands) {
    deliver(message.from, envelope, body, message.present, Path::inline_value);
    return {};
  }
  try {
    return land(message, envelope, body);
  } catch (const std::bad_alloc&) {
    if (envelope.kind != Kind::reply) {
      say_no(message.from, envelope.call, no_memory_left());
    } else if (const auto* asked = calls_.find(envelope.call);
               asked != nullptr && asked->rank == message.from) {
      settle(envelope.call, no_memory_left());
    }
    return {};
  }
}

// Where a bulk that is still to come goes; nowhere, if it is unwanted. Throws std::bad_alloc; nothing has
// been noted then.
std::span<std::byte> Exchange::land(const Arrival& message, const Envelope& envelope,
                                    std::span<const std::byte> body) {
  Landing landing{message.from, envelope, ShortBytes(body), {}, {}, nullptr};
  if (envelope.kind == Kind::reply) {
    const auto* asked = calls_.find(envelope.call);
    if (asked == nullptr || asked->rank != message.from || asked->lands) {
      return {};  // the call gave up, never was, or has its answer
    }
    landing.call = asked->call;
    landing.bulk = landing.call->landing(landing.body, message.bulk_bytes);
    if (landing.bulk.size() != message.bulk_bytes) {
      settle(envelope.call, Error(Errc::out_of_memory,
                                  "there was no memory for the " + std::to_string(message.bulk_bytes) +
                                      " bytes of an answer; evict what nobody needs, or give the runtime "
                                      "more memory_bytes"));
      return {};
    }
    calls_.set_lands(envelope.call, true);
  } else {
    if (message.bulk_bytes > max_question_bulk) {
      turn_away(message.from, envelope,
                Error(Errc::invalid_argument, "a question of " + std::to_string(message.bulk_bytes) +
                                                  " bytes is longer than any that is asked"));
      return {};
    }
    landing.question_bulk.resize(message.bulk_bytes);
    landing.bulk = landing.question_bulk;
  }
  const auto bulk = landing.bulk;
  landings_.emplace(message.landing, std::move(landing));
  if (envelope.kind != Kind::reply) {
    creditors_.lands(message.from, message.bulk_bytes);
  }
  debtors_.moves(message.from, message.bulk_bytes, transport_->now());
  debtors_.owe(message.from);
  return bulk;
}

void Exchange::landed(std::uint64_t number, const Result<Path>& outcome) noexcept {
  const auto at = landings_.find(number);
  if (at == landings_.end()) {
    return;
  }
  const Landing landing = std::move(at->second);
  landings_.erase(at);
  debtors_.moved(landing.from);
  debtors_.repay(landing.from);
  if (landing.envelope.kind != Kind::reply) {
    creditors_.landed(landing.from, landing.question_bulk.size());
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
  debtors_.heard(landing.from);
  if (outcome) {
    deliver(landing.from, landing.envelope, landing.body, landing.bulk, *outcome);
  } else if (landing.envelope.kind == Kind::reply) {
    end(landing.envelope.call, call_error::gone(landing.from, outcome.error()));
  }
}

// A failure shows as a lost rank.
void Exchange::sent(std::uint64_t ticket, const Result<void>& /*outcome*/) noexcept {
  const auto number = static_cast<std::uint32_t>(ticket);
  if (outgoing_.find(number) == nullptr) {
    return;
  }
  const Outgoing outgoing = outgoing_.take(number);
  debtors_.moved(outgoing.to);
  debtors_.repay(outgoing.to);
  if (outgoing.answers) {
    creditors_.has_read(outgoing.to, outgoing.bulk.made_bytes);
  }
}

void Exchange::deliver(int from, const Envelope& envelope, std::span<const std::byte> body,
                       std::span<const std::byte> bulk, Path path) noexcept {
  switch (envelope.kind) {
    case Kind::reply: {
      const auto* asked = calls_.find(envelope.call);
      if (asked == nullptr || asked->rank != from || asked->lands) {
        return;
      }
      if (envelope.status != 0) {
        const Error error = call_error::told(envelope.status, body.empty() ? bulk : body, from);
        // It is not asked again: a damaged message, whose parts contradict each other, does not say so.
        if (error.code() == Errc::closed && envelope.status == static_cast<std::uint8_t>(Errc::closed)) {
          has_closed_[static_cast<std::size_t>(from)].store(true, std::memory_order_release);
        }
        const auto call = take(envelope.call);
        if (call) {
          call->refused(error, call);
        }
      } else {
        settle(envelope.call, Answer{body, bulk, path});
      }
      return;
    }
    case Kind::ping:  // whatever its number: no question is answered by this
      send_or_keep(from, {.kind = Kind::reply, .call = envelope.call, .incarnation = options_.incarnation},
                   {});
      return;
    default:
      break;
  }
  if (service_ == nullptr) {
    say_no(from, envelope.call, call_error::closed(options_.rank));
  } else {
    serve_question({from, envelope.call, envelope.kind, body, bulk});
  }
}

void Exchange::end(std::uint32_t number, const Result<Answer>& outcome) noexcept {
  if (calls_.find(number) != nullptr) {
    settle(number, outcome);
  }
}

// The call is taken out first: it may ask again from within ended().
void Exchange::settle(std::uint32_t number, const Result<Answer>& outcome) noexcept {
  const auto call = take(number);
  if (call) {
    call->ended(outcome, call);
  }
}

std::shared_ptr<Call> Exchange::take(std::uint32_t number) noexcept {
  CallTable::Asked asked = calls_.take(number);
  debtors_.repay(asked.rank);
  return std::move(asked.call);
}

void Exchange::doubt(int rank) noexcept {
  if (debtors_.doubt(rank)) {
    ping(rank);
  }
}

void Exchange::lose(int rank, const Error& cause) noexcept {
  auto& lost = lost_[static_cast<std::size_t>(rank)];
  if (rank == options_.rank || lost.exchange(true, std::memory_order_acq_rel)) {
    return;
  }
  creditors_.forget(rank);
  debtors_.forget(rank);
  // A call whose bulk is on its way ends in landed(): until then the transport may write to its memory.
  why_lost_[static_cast<std::size_t>(rank)] = call_error::gone(rank, cause);
  in_vain_ = true;
  transport_->forget(rank);
  if (service_ != nullptr) {
    service_->bereaved(rank);
  }
}

bool Exchange::step(bool in_a_hurry) {
  bool busy = transport_->progress(*this);
  if (busy) {
    debtors_.note_movement();
  }
  if ((!busy && !in_a_hurry) || ++steps_ == steps_a_look) {
    busy = look_at_clock() || busy;
  }
  if (!unsent_.empty()) {
    busy = send_unsent() || busy;
  }
  return in_vain_ ? end_calls_in_vain() || busy : busy;
}

// Whether there were any. They may ask again from within.
bool Exchange::end_calls_in_vain() noexcept {
  bool any = false;
  while (std::exchange(in_vain_, false)) {
    const auto is_vain = [this](const CallTable::Asked& asked) {
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

bool Exchange::look_at_clock() noexcept {
  steps_ = 0;
  looked_at_ = transport_->now();
  if (debtors_.any()) {
    debtors_.look(
        looked_at_, [this](int rank) { ping(rank); },
        [this](int rank) { lose(rank, call_error::silent(options_.patience)); });
  }
  bool any = false;
  for (; calls_.next_deadline() <= looked_at_; any = true) {
    const std::uint32_t number = calls_.next_due();
    const int rank = calls_.find(number)->rank;
    const bool waits = calls_.find(number)->waits;
    settle(number, call_error::late(rank));
    if (!waits) {
      doubt(rank);  // else nobody would miss it who is less patient than this
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

void Exchange::call_at(Clock::time_point moment, std::function<void()> action) {
  if (!closed_) {
    alarms_.emplace(moment, std::move(action));
  }
}

Exchange::Clock::time_point Exchange::next_due() const noexcept {
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
  if (debtors_.any()) {
    due = std::min(due, debtors_.next_due(transport_->now()));
  }
  return due;
}

void Exchange::close(const Error& error) noexcept {
  closed_ = error;
  service_ = nullptr;
  alarms_.clear();
  while (calls_.size() != 0) {
    settle(calls_.next_due(), error);
  }
}

}  // namespace locum
