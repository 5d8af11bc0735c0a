#include "core/one_sided_reads.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace locum {

namespace {

// A lease is believed for a little less than it lasts: clocks do not go at quite the same speed.
constexpr int believed_of_64 = 63;
// Longer ones are none.
constexpr std::uint64_t longest_ns = std::chrono::nanoseconds(std::chrono::hours(1000)).count();

void end_read(Exchange& exchange, const LeaseHeld& lease) noexcept {
  const EndReadWords over{lease.number};
  exchange.tell(lease.owner, Kind::end_read, words(over));
}

}  // namespace

std::optional<LeaseHeld> LeaseHeld::of(const NodeAnswer& answer, Exchange::Clock::time_point asked) {
  const auto words = read_words<ReadLeaseWords>(answer.body);
  if (!words || answer.block || words->key_bytes == 0 || words->key_bytes > RemoteKey::max_bytes ||
      words->key_bytes > answer.body.size() - sizeof(ReadLeaseWords) || words->duration_ns > longest_ns) {
    return std::nullopt;
  }
  const std::chrono::nanoseconds believed(words->duration_ns / 64 * believed_of_64);
  return LeaseHeld{answer.rank, words->number, asked + believed,
                   RemoteKey(std::span(answer.body).subspan(sizeof(ReadLeaseWords), words->key_bytes))};
}

bool OneSidedReads::reads(std::span<const int> ranks) const noexcept {
  return remote_ && std::ranges::any_of(ranks, [this](int rank) { return remote_->reads(rank); });
}

void OneSidedReads::read(const LeaseHeld& lease, std::shared_ptr<HeldObject> into, Then then) {
  const auto ended = [lease, then = std::move(then)](Exchange& exchange, bool read) {
    const bool good = read && exchange.now() < lease.until;
    end_read(exchange, lease);
    then(good);
  };
  const std::span<std::byte> memory = into->memory();
  // Not the exchange itself: the transport that it keeps has this until it is called.
  RemoteMemory::Then read_ended = [weak = std::weak_ptr(exchange_), owner = lease.owner, ended,
                                   into = std::move(into)](const Result<void>& outcome) {
    if (const auto exchange = weak.lock()) {
      exchange->expected(owner);
      ended(*exchange, outcome.has_value());
    }
  };
  const auto reading = remote_->get(lease.owner, lease.key, 0, memory, std::move(read_ended));
  if (reading && *reading == Sending::pending) {
    exchange_->expect(lease.owner);
  } else {
    ended(*exchange_, reading.has_value());
  }
}

void OneSidedReads::decline(const LeaseHeld& lease) noexcept {
  end_read(*exchange_, lease);
}

}  // namespace locum
