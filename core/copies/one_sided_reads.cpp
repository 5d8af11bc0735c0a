#include "core/copies/one_sided_reads.hpp"

#include <algorithm>
#include <chrono>

namespace locum {

namespace {

// A lease counts for a little less than its duration: clocks differ slightly in speed.
constexpr int believed_of_64 = 63;
// Longer ones are invalid.
constexpr std::uint64_t longest_ns = std::chrono::nanoseconds(std::chrono::hours(1000)).count();

}  // namespace

std::optional<LeaseHeld> LeaseHeld::of(const NodeReply& reply, RpcChannel::Clock::time_point asked) {
  const auto words = read_words<ReadLeaseWords>(reply.body);
  if (!words || reply.block || words->key_bytes == 0 || words->key_bytes > RemoteKey::max_bytes ||
      words->key_bytes > reply.body.size() - sizeof(ReadLeaseWords) || words->duration_ns > longest_ns) {
    return std::nullopt;
  }
  const std::chrono::nanoseconds believed(words->duration_ns / 64 * believed_of_64);
  return LeaseHeld{reply.rank, words->number, asked + believed,
                   RemoteKey(std::span(reply.body).subspan(sizeof(ReadLeaseWords), words->key_bytes))};
}

bool OneSidedReads::reads(std::span<const int> ranks) const noexcept {
  const auto is_stuck = [ranks](const auto& reading) {
    return std::ranges::find(ranks, reading.second.owner) != ranks.end();
  };
  return remote_ && std::ranges::any_of(ranks, [this](int rank) { return remote_->reads(rank); }) &&
         std::ranges::none_of(given_up_, is_stuck);
}

// The observer is stored here and not in the transport, which may never call it.
void OneSidedReads::begin(const LeaseHeld& lease, std::shared_ptr<ReceivedBlock> into,
                          OneShot<bool>& good) noexcept {
  if (lease.until <= channel_->now()) {  // the reply was late: reading must not begin any more
    decline(lease);
    return good.tell(false);
  }
  const Number number{lease.until, ++last_};
  believed_.try_emplace(number, Reading{lease.owner, lease.number, &good});
  overdue_.set(lease.until);
  const std::span<std::byte> memory = into->memory();
  // Not the channel itself: the transport that it owns keeps this callback until it is called.
  RemoteMemory::Then read_ended = [weak = weak_from_this(), number,
                                   into = std::move(into)](const Result<void>& outcome) {
    if (const auto self = weak.lock()) {
      self->ended(number, outcome.has_value());
    }
  };
  const auto reading = remote_->get(lease.owner, lease.key, 0, memory, std::move(read_ended));
  channel_->expect(lease.owner);
  if (!reading || *reading == Sending::done) {
    ended(number, reading.has_value());
  }
}

void OneSidedReads::ended(const Number& number, bool read) noexcept {
  auto reading = believed_.extract(number);
  if (reading.empty()) {
    reading = given_up_.extract(number);
  }
  const Reading& over = reading.mapped();
  channel_->expected(over.owner);
  const bool good = read && channel_->now() < number.first;
  end_read(over.owner, over.lease);
  if (over.good != nullptr) {
    over.good->tell(good);
  }
}

bool OneSidedReads::is_reading(int owner, std::uint64_t lease) const noexcept {
  const auto is_it = [owner, lease](const auto& reading) {
    return reading.second.owner == owner && reading.second.lease == lease;
  };
  return std::ranges::any_of(believed_, is_it) || std::ranges::any_of(given_up_, is_it);
}

// Those with a lease that is over by then.
void OneSidedReads::give_up_until(Clock::time_point last) noexcept {
  while (!believed_.empty() && believed_.begin()->first.first <= last) {
    OneShot<bool>* const good = std::exchange(believed_.begin()->second.good, nullptr);
    given_up_.insert(believed_.extract(believed_.begin()));
    good->tell(false);
  }
  if (!believed_.empty()) {
    overdue_.set(believed_.begin()->first.first);
  }
}

void OneSidedReads::decline(const LeaseHeld& lease) noexcept {
  end_read(lease.owner, lease.number);
}

void OneSidedReads::end_read(int owner, std::uint64_t lease) noexcept {
  const EndReadWords over{lease};
  channel_->tell(owner, Kind::end_read, words(over));
}

}  // namespace locum
