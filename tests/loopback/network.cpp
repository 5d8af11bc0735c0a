#include "tests/loopback/network.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/hash.hpp"
#include "tests/loopback/transport.hpp"

namespace locum::loopback {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error timeout_error() {
  return Error(Errc::timeout, "the bulk was lost; send it again");
}

}  // namespace

Network::Network(const NetworkOptions& options)
    : Simulation(options.ranks),
      options_(options),
      random_(options.seed),
      links_(options.ranks, options.latency),
      ranks_(index(options.ranks), Rank{.one_sided = options.one_sided}) {}

Network::~Network() {
  end_bodies();
}

std::unique_ptr<Transport> Network::transport(int rank) {
  Rank& own = ranks_.at(index(rank));
  if (std::exchange(own.open, true)) {
    throw Error(Errc::invalid_argument,
                "rank " + std::to_string(rank) + " already has a transport; a rank has only one");
  }
  return std::make_unique<LoopbackTransport>(*this, rank);
}

std::chrono::nanoseconds Network::time_for(std::uint64_t bytes) const noexcept {
  return std::chrono::nanoseconds(bytes * 1000 / options_.bytes_per_us);
}

Error Network::unreachable(int rank) {
  return Error(Errc::peer_lost, "rank " + std::to_string(rank) + " can no longer be reached");
}

void Network::note(Step step, int from, int to, std::uint64_t number) noexcept {
  const std::uint64_t ends = index(from) << 32U | index(to);
  const auto time = static_cast<std::uint64_t>(now().time_since_epoch().count());
  for (const std::uint64_t word : {static_cast<std::uint64_t>(step), ends, number, time}) {
    trace_ = detail::fold_multiply(trace_ ^ word, 0x9E3779B97F4A7C15U) + 0xD6E8FEB86659FD93U;
  }
}

std::optional<Error> Network::refused(int from, int to, std::span<const std::byte> header) const {
  if (header.empty() || header.size() > max_header_bytes) {
    return Error(Errc::invalid_argument, "a header has 1 to " + std::to_string(max_header_bytes) +
                                             " bytes, not " + std::to_string(header.size()) +
                                             "; send the rest as bulk");
  }
  if (to < 0 || to >= size()) {
    return Error(Errc::invalid_argument, "rank " + std::to_string(to) + " does not exist");
  }
  if (!alive(from) || links_.given_up(from, to)) {
    return unreachable(to);
  }
  return std::nullopt;
}

Result<Sending> Network::send(int from, int to, std::span<const std::byte> header,
                              std::span<const std::byte> bulk, std::uint64_t ticket) {
  if (const auto error = refused(from, to, header)) {
    return *error;
  }
  const Verdict verdict = judge_ ? judge_(from, to, header) : Verdict{};
  if (verdict.fate == Fate::refuse) {
    return Error(Errc::out_of_memory, "the network accepts no more messages now; try again later");
  }
  if (verdict.fate == Fate::kill_before) {
    kill(from);
    return unreachable(to);
  }
  const std::uint64_t bytes = header.size() + bulk.size();
  for (Counters* counters : {static_cast<Counters*>(&counters_), &ranks_[index(from)].counters}) {
    ++counters->sent.messages;
    counters->sent.bytes += bytes;
  }
  ++counters_.by_kind[std::to_integer<std::size_t>(header[0])];
  note(Step::sent, from, to, bytes);

  auto parcel = std::make_shared<Parcel>();
  parcel->from = from;
  parcel->to = to;
  parcel->header_bytes = header.size();
  parcel->bulk_bytes = bulk.size();
  parcel->bytes.assign(header.begin(), header.end());
  const bool eager = bulk.size() <= options_.eager_bytes;
  if (eager) {
    parcel->bytes.insert(parcel->bytes.end(), bulk.begin(), bulk.end());
  } else {
    parcel->transfer = ++last_transfer_;
    transfers_[last_transfer_] = {.from = from, .to = to, .ticket = ticket, .bulk = bulk};
  }
  post(std::move(parcel), verdict);
  return eager ? Sending::done : Sending::pending;
}

void Network::post(std::shared_ptr<Parcel> parcel, const Verdict& verdict) {
  const int from = parcel->from;
  const int to = parcel->to;
  if (verdict.fate == Fate::drop || random_.chance(options_.drop)) {
    discard(*parcel);
    return;
  }
  parcel->kills = verdict.fate == Fate::kill_receiver;
  if (verdict.fate == Fate::strand && parcel->transfer != 0) {
    transfers_.at(parcel->transfer).stranded = true;
  }
  Moment moment = now() + latency(from, to) + time_for(parcel->bytes.size());
  if (verdict.fate == Fate::delay) {
    moment += verdict.delay;
  }
  if (!options_.reorder) {
    moment = links_.in_order(from, to, moment, now());
  }
  at(moment, [this, parcel = std::move(parcel)] {
    if (arrive(parcel)) {
      announce(parcel->to);
    }
  });
  if (verdict.fate == Fate::kill_after) {
    links_.keep_until(from, to, moment);
    kill(from);
  }
}

// Whether a message that could arrive now is lost, apart from cuts.
bool Network::vanishes(const Parcel& parcel) {
  const int from = parcel.from;
  const int to = parcel.to;
  if (!alive(to) || links_.ended(from, to)) {
    return true;
  }
  if (alive(from) || ranks_[index(from)].closed || links_.kept(from, to, now()) ||
      !random_.chance(options_.lost_at_death)) {
    return false;
  }
  if (!options_.reorder) {
    links_.end(from, to);  // of the messages between two ranks the last ones are lost, none in the middle
  }
  return true;
}

bool Network::arrive(const std::shared_ptr<Parcel>& parcel) {
  const auto cut = links_.cut(parcel->from, parcel->to);
  if (vanishes(*parcel) || cut == Cut::lose) {
    discard(*parcel);
  } else if (cut == Cut::hold) {
    held_.push_back(parcel);
  } else if (parcel->kills) {
    discard(*parcel);
    kill(parcel->to);
  } else {
    note(Step::arrived, parcel->from, parcel->to, hash64(as_text(parcel->bytes)));
    ranks_[index(parcel->to)].inbox.emplace_back(parcel);
    return true;
  }
  return false;
}

// A message does not arrive. Ranks that wait for its bulk to be fetched are told, unless a death tells them
// first.
void Network::discard(const Parcel& parcel) {
  note(Step::dropped, parcel.from, parcel.to, parcel.bytes.size());
  ++counters_.lost.messages;
  counters_.lost.bytes += parcel.header_bytes + parcel.bulk_bytes;
  if (parcel.transfer != 0 && alive(parcel.to)) {
    after(options_.give_up, [this, id = parcel.transfer] { end_transfer(id, timeout_error()); });
  }
}

bool Network::progress(int rank, Receiver& receiver) {
  Rank& own = ranks_[index(rank)];
  if (std::exchange(own.moving, true)) {
    misuse("the receiver of rank " + std::to_string(rank) +
           " calls progress(); it may send, and nothing else");
  }
  taken(rank);
  const Inbox inbox = std::exchange(own.inbox, {});
  for (const auto& item : inbox) {
    if (const auto* landed = std::get_if<Landed>(&item)) {
      receiver.landed(landed->landing, landed->outcome);
    } else if (const auto* sent = std::get_if<Sent>(&item)) {
      receiver.sent(sent->ticket, sent->outcome);
    } else if (const auto* read = std::get_if<ReadEnded>(&item)) {
      read->then(read->outcome);
    } else if (!alive(rank)) {
      // Dead ranks get no notifications.
    } else if (const auto* parcel = std::get_if<std::shared_ptr<Parcel>>(&item)) {
      hear(**parcel, receiver);
    } else if (const auto* lost = std::get_if<Lost>(&item)) {
      receiver.lost(lost->rank, lost->cause);
    }
  }
  own.moving = false;
  return !inbox.empty();
}

void Network::hear(const Parcel& parcel, Receiver& receiver) {
  for (Counters* counters : {static_cast<Counters*>(&counters_), &ranks_[index(parcel.to)].counters}) {
    ++counters->received.messages;
    counters->received.bytes += parcel.header_bytes + parcel.bulk_bytes;
  }
  const std::uint64_t id = parcel.transfer;
  const std::span<std::byte> landing =
      receiver.arrived({parcel.from, parcel.header(), parcel.bulk_bytes, parcel.present(), id});
  if (id == 0) {
    return;
  }
  const auto found = transfers_.find(id);
  if (landing.empty()) {
    if (found != transfers_.end() && alive(parcel.to)) {
      after(latency(parcel.to, parcel.from), [this, id] {
        end_transfer(id, Error(Errc::out_of_memory, "the receiver refused the bulk; send it again later"));
      });
    }
  } else if (landing.size() < parcel.bulk_bytes) {
    misuse("a landing of " + std::to_string(landing.size()) + " bytes for " +
           std::to_string(parcel.bulk_bytes));
  } else if (found == transfers_.end() || !alive(parcel.to)) {
    receiver.landed(id, unreachable(parcel.from));
  } else {
    found->second.landing = landing.first(parcel.bulk_bytes);
    found->second.receiver_waits = true;
    fetch(id);
  }
}

// The receiver has chosen the memory: its message travels to the sender, and the bytes travel back.
void Network::fetch(std::uint64_t id) {
  const Transfer& transfer = transfers_.at(id);
  const auto time = latency(transfer.to, transfer.from) + latency(transfer.from, transfer.to) +
                    time_for(transfer.bulk.size());
  after(time, [this, id] { move(id); });
}

void Network::move(std::uint64_t id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end() || !found->second.sender_waits || !found->second.receiver_waits) {
    return;  // one of the two has died or has been told that the other one has
  }
  Transfer& transfer = found->second;
  if (transfer.stranded) {
    return;
  }
  if (links_.ended(transfer.from, transfer.to) || links_.ended(transfer.to, transfer.from)) {
    return;  // both will be told
  }
  const auto there = links_.cut(transfer.to, transfer.from);
  const auto back = links_.cut(transfer.from, transfer.to);
  if (there == Cut::lose || back == Cut::lose) {
    after(options_.give_up, [this, id] { end_transfer(id, timeout_error()); });
    return;
  }
  transfer.held = there || back;
  if (transfer.held) {
    return;
  }
  note(Step::moved, transfer.from, transfer.to, transfer.bulk.size());
  ++counters_.transfers;
  std::memcpy(transfer.landing.data(), transfer.bulk.data(), transfer.bulk.size());
  transfer.receiver_waits = false;
  const int to = transfer.to;
  after(latency(to, transfer.from), [this, id] { end_transfer(id, {}); });
  ranks_[index(to)].inbox.emplace_back(Landed{id, Path::rendezvous});
  announce(to);
}

// Tells the waiting ends the outcome. The receiver was told of a success before.
void Network::end_transfer(std::uint64_t id, const Result<void>& outcome) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) {
    return;
  }
  const Transfer transfer = found->second;
  transfers_.erase(found);
  if (!outcome) {
    note(Step::failed, transfer.from, transfer.to, id);
  }
  if (transfer.receiver_waits) {
    ranks_[index(transfer.to)].inbox.emplace_back(Landed{id, outcome.error()});
    announce_soon(transfer.to);
  }
  if (transfer.sender_waits) {
    ranks_[index(transfer.from)].inbox.emplace_back(Sent{transfer.ticket, outcome});
    announce_soon(transfer.from);
  }
}

std::vector<std::uint64_t> Network::transfers_between(int a, int b) const {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, transfer] : transfers_) {
    if ((transfer.from == a && transfer.to == b) || (transfer.from == b && transfer.to == a)) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace locum::loopback
