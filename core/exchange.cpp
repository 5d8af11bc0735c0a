#include "core/exchange.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "core/packed_error.hpp"

namespace locum {

namespace {

// A question's bulk is a name, a type's name and a value that fits into a message: nobody honest sends more.
constexpr std::uint64_t max_question_bulk = 1U << 20U;
// So many steps follow each other before one looks at the clock in any case.
constexpr int steps_a_look = 32;

Error late(int rank) {
  return Error(Errc::timeout, "rank " + std::to_string(rank) +
                                  " did not answer before the deadline; give the call "
                                  "more time, or find out what that rank does")
      .at_rank(rank);
}

Error gone(int rank, const Error& cause) {
  return Error(Errc::peer_lost,
               "rank " + std::to_string(rank) + " is dead or cannot be reached; what it alone had is lost",
               cause.detail().empty() ? cause.text() : cause.detail())
      .at_rank(rank);
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
      creditors_(options.size, {options.most_questions, options.most_question_bytes}),
      debtors_(options.size, options.patience, options.node_of_rank),
      lost_(static_cast<std::size_t>(options.size)),
      has_closed_(static_cast<std::size_t>(options.size)) {}

void Exchange::ask(int rank, Kind kind, std::span<const std::byte> body, Bulk bulk,
                   Clock::time_point deadline, std::shared_ptr<Call> call) {
  const std::uint32_t number = calls_.add({rank, deadline, std::move(call)});
  if (closed_) {
    failed_.emplace_back(number, *closed_);
    return;
  }
  if (is_lost(rank)) {
    failed_.emplace_back(number, gone(rank, Error(Errc::peer_lost, "it was lost before")));
    return;
  }
  debtors_.owe(rank);
  send(rank, {.kind = kind, .call = number, .incarnation = options_.incarnation}, body, std::move(bulk));
}

void Exchange::tell(int rank, Kind kind, std::span<const std::byte> body) {
  if (!closed_) {
    send(rank, {.kind = kind, .incarnation = options_.incarnation}, body, {});
  }
}

void Exchange::answer(int to, std::uint32_t call, std::span<const std::byte> body, Bulk bulk) {
  creditors_.answered(to, call);
  send(to, {.kind = Kind::reply, .call = call, .incarnation = options_.incarnation}, body, std::move(bulk));
}

void Exchange::refuse(int to, std::uint32_t call, const Error& error) {
  creditors_.answered(to, call);
  const Envelope envelope{.kind = Kind::reply,
                          .status = static_cast<std::uint8_t>(error.code()),
                          .call = call,
                          .incarnation = options_.incarnation};
  auto packed = std::make_shared<const std::vector<std::byte>>(pack(error));
  if (packed->size() <= max_body_bytes) {
    send(to, envelope, *packed, {});
  } else {
    send(to, envelope, {}, {*packed, packed});
  }
}

// A message that cannot be sent because its rank is gone is lost like one under way: lose() tells who waits.
void Exchange::send(int to, const Envelope& envelope, std::span<const std::byte> body, Bulk bulk) {
  if (is_lost(to)) {
    return;
  }
  std::array<std::byte, max_header_bytes> header;
  std::memcpy(header.data(), &envelope, sizeof envelope);
  std::copy(body.begin(), body.end(), header.begin() + sizeof envelope);
  const std::uint64_t ticket = next_ticket_++;
  const auto sending =
      transport_->send(to, std::span(header).first(sizeof envelope + body.size()), bulk.bytes, ticket);
  if (!sending) {
    lose(to, sending.error());
    return;
  }
  Metrics::increment(metrics_->messages);
  if (*sending == Sending::pending) {
    const bool answers = envelope.kind == Kind::reply;
    if (const auto* asked = answers || bulk.keep ? nullptr : calls_.find(envelope.call)) {
      bulk.keep = asked->call;
    }
    outgoing_.emplace(ticket, Outgoing{to, std::move(bulk), answers});
    debtors_.owe(to);  // the word that it has read the bulk, which stays until then
    if (answers) {
      creditors_.answers(to);
    }
  }
}

// What the service does not answer at once is counted until it does, but for what wants no answer. It bounds
// itself how many waits for names it keeps, which may never be answered.
void Exchange::serve_question(const Question& question) noexcept {
  creditors_.look_at(question.from, question.call);
  service_->asked(question);
  creditors_.look_away(question.call != 0 && question.kind != Kind::await);
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
  if (envelope.kind != Kind::reply && envelope.kind != Kind::ping &&
      creditors_.is_crowded(message.from, lands ? message.bulk_bytes : 0)) {
    refuse(message.from, envelope.call,
           Error(Errc::out_of_memory,
                 "rank " + std::to_string(message.from) + " has too many questions under way at rank " +
                     std::to_string(options_.rank) + "; let fewer threads ask at a time"));
    return {};
  }
  if (!lands) {
    deliver(message.from, envelope, body, message.present, Path::inline_value);
    return {};
  }

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
      refuse(message.from, envelope.call,
             Error(Errc::invalid_argument, "a question of " + std::to_string(message.bulk_bytes) +
                                               " bytes is longer than any that is asked"));
      return {};
    }
    landing.question_bulk.resize(message.bulk_bytes);
    landing.bulk = landing.question_bulk;
    creditors_.lands(message.from, message.bulk_bytes);
  }
  const auto bulk = landing.bulk;
  landings_.emplace(message.landing, std::move(landing));
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
  debtors_.repay(landing.from);
  if (landing.envelope.kind != Kind::reply) {
    creditors_.landed(landing.from, landing.question_bulk.size());
  }
  if (landing.envelope.kind == Kind::reply && calls_.find(landing.envelope.call) != nullptr) {
    calls_.set_lands(landing.envelope.call, false);
  }
  if (is_lost(landing.from)) {
    if (landing.envelope.kind == Kind::reply) {
      end(landing.envelope.call,
          gone(landing.from, outcome ? Error(Errc::peer_lost, "it was lost meanwhile") : outcome.error()));
    }
    return;
  }
  debtors_.heard(landing.from);
  if (outcome) {
    deliver(landing.from, landing.envelope, landing.body, landing.bulk, *outcome);
  } else if (landing.envelope.kind == Kind::reply) {
    end(landing.envelope.call, gone(landing.from, outcome.error()));
  }
}

void Exchange::sent(std::uint64_t ticket, const Result<void>& /*outcome*/) noexcept {
  if (const auto at = outgoing_.find(ticket); at != outgoing_.end()) {
    debtors_.repay(at->second.to);
    if (at->second.answers) {
      creditors_.has_read(at->second.to);
    }
    outgoing_.erase(at);  // a failure shows as a lost rank
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
        const Error error = unpack(body.empty() ? bulk : body, from);
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
    case Kind::ping:
      answer(from, envelope.call, {});
      return;
    default:
      break;
  }
  if (service_ == nullptr) {
    refuse(from, envelope.call,
           Error(Errc::closed, "rank " + std::to_string(options_.rank) + " has closed the runtime")
               .at_rank(options_.rank));
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

void Exchange::doubt(int rank) {
  if (debtors_.doubt(rank)) {
    send(rank, {.kind = Kind::ping, .incarnation = options_.incarnation}, {}, {});
  }
}

void Exchange::lose(int rank, const Error& cause) {
  auto& lost = lost_[static_cast<std::size_t>(rank)];
  if (rank == options_.rank || lost.exchange(true, std::memory_order_acq_rel)) {
    return;
  }
  creditors_.forget(rank);
  debtors_.forget(rank);
  // A call whose bulk is on its way ends in landed(): until then the transport may write to its memory.
  for (const std::uint32_t number : calls_.of_rank(rank)) {
    if (!calls_.find(number)->lands) {
      failed_.emplace_back(number, gone(rank, cause));
    }
  }
  transport_->forget(rank);
  if (service_ != nullptr) {
    service_->bereaved(rank);
  }
}

bool Exchange::step(bool in_a_hurry) {
  bool busy = transport_->progress(*this);
  if ((!busy && !in_a_hurry) || ++steps_ == steps_a_look) {
    busy = look_at_clock() || busy;
  }
  while (!failed_.empty()) {
    const auto failed = std::exchange(failed_, {});
    for (const auto& [number, error] : failed) {
      end(number, error);
    }
    busy = true;
  }
  return busy;
}

bool Exchange::look_at_clock() {
  steps_ = 0;
  looked_at_ = transport_->now();
  if (debtors_.any()) {
    look_after_debtors(looked_at_);
  }
  bool any = false;
  for (; calls_.next_deadline() <= looked_at_; any = true) {
    const std::uint32_t number = calls_.next_due();
    settle(number, late(calls_.find(number)->rank));
  }
  for (; !alarms_.empty() && alarms_.begin()->first <= looked_at_; any = true) {
    const auto action = alarms_.extract(alarms_.begin());
    action.mapped()();
  }
  return any;
}

void Exchange::call_at(Clock::time_point moment, std::function<void()> action) {
  if (!closed_) {
    alarms_.emplace(moment, std::move(action));
  }
}

void Exchange::look_after_debtors(Clock::time_point now) {
  debtors_.look(
      now,
      [this](int rank) { send(rank, {.kind = Kind::ping, .incarnation = options_.incarnation}, {}, {}); },
      [this](int rank) {
        lose(rank, Error(Errc::peer_lost,
                         "it said nothing for " + std::to_string(options_.patience.count()) + " ms"));
      });
}

Exchange::Clock::time_point Exchange::next_due() const noexcept {
  if (!failed_.empty()) {
    return transport_->now();
  }
  auto due = calls_.next_deadline();
  if (!alarms_.empty()) {
    due = std::min(due, alarms_.begin()->first);
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
