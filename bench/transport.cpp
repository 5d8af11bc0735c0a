#include <mpi.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/plain_ucp.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "core/value/options.hpp"
#include "mpi/group.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::bench {

namespace {

constexpr std::size_t bulk_bytes = 64 << 20;

/// Ranks 0 and 1 over the port, both polling.
class Ours final : public Receiver {
 public:
  Ours(Group& group, std::span<std::byte> landing)
      : transport_(ucx::open_transport(group)), landing_(landing) {}

  void send(std::span<const std::byte> message) {
    const bool small = message.size() <= max_header_bytes;
    constexpr std::array<std::byte, 1> announcement{};
    const auto header = small ? message : std::span<const std::byte>(announcement);
    const auto bulk = small ? std::span<const std::byte>() : message;
    const std::uint64_t sent = sent_ + 1;
    if (transport_->send(1 - world_rank(), header, bulk, 0).value() == Sending::pending) {
      poll([&] { return sent_ == sent; });
    }
  }
  void wait_for(std::uint64_t count) {
    poll([&] { return received_ >= count; });
  }

 private:
  template <class Condition>
  void poll(Condition condition) {
    while (!condition()) {
      transport_->progress(*this);
    }
  }
  [[nodiscard]] std::span<std::byte> arrived(const Arrival& message) noexcept override {
    if (message.present.size() == message.bulk_bytes) {
      ++received_;
      return {};
    }
    return landing_.first(message.bulk_bytes);
  }
  void landed(std::uint64_t /*landing*/, const Result<Path>& /*outcome*/) noexcept override { ++received_; }
  void sent(std::uint64_t /*ticket*/, const Result<void>& /*outcome*/) noexcept override { ++sent_; }
  void lost(int /*rank*/, const Error& /*cause*/) noexcept override {}

  std::unique_ptr<Transport> transport_;
  std::span<std::byte> landing_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

/// Rank 0 sends, rank 1 replies by a message of 64 bytes, that many times; seconds for one round.
template <class Side>
class Rounds {
 public:
  explicit Rounds(Side& side) : side_(side) {}

  [[nodiscard]] double operator()(std::span<const std::byte> message, int rounds) {
    static constexpr std::array<std::byte, 64> reply{};
    MPI_Barrier(MPI_COMM_WORLD);
    const double seconds = timed([&] {
      for (int round = 0; round < rounds; ++round) {
        ++expected_;
        if (world_rank() == 0) {
          side_.send(message);
          side_.wait_for(expected_);
        } else {
          side_.wait_for(expected_);
          side_.send(reply);
        }
      }
    });
    return slowest(seconds) / rounds;
  }

 private:
  Side& side_;
  std::uint64_t expected_ = 0;
};

void transport(benchmark::State& state, const char* lanes, bool bulk) {
  using namespace std::chrono_literals;
  const Lanes chosen(lanes);
  std::vector<std::byte> memory(bulk_bytes, std::byte{1});
  std::vector<std::byte> landing(bulk_bytes, std::byte{2});
  mpi::CommunicatorGroup group(
      mpi::Communicator::duplicate(MPI_COMM_WORLD, std::chrono::steady_clock::now() + 30s), 30s, 0);
  PlainUcp plain(landing);
  Ours port(group, landing);
  Rounds ours(port);
  Rounds twin(plain);
  const std::span message = std::span(memory).first(bulk ? bulk_bytes : 64);
  const int rounds = bulk ? 1 : 200;
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)ours(message, rounds);
    (void)twin(message, rounds);
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = ours(message, rounds);
    const double raw = twin(message, rounds);
    if (bulk) {
      pairs.add(bulk_bytes / mine / 1e9, bulk_bytes / raw / 1e9);
    } else {
      pairs.add(mine * 1e6, raw * 1e6);
    }
    state.SetIterationTime(mine);
  }
  if (bulk) {
    pairs.report(state, "GB/s", {Goal::Kind::ratio_at_least, 0.95});
  } else {
    pairs.report(state, "us", {Goal::Kind::ratio_at_most, 1.25});
  }
}

}  // namespace

void add_transport_rows() {
  if (world_size() != 2) {
    return;  // the twin is written for two
  }
  for (const char* lanes : lanes_here()) {
    const std::string to = std::string(lanes == nullptr ? "UCX" : "TCP") + ", to plain UCP";
    add_row("round trip of 64 B over " + to, lanes == nullptr ? 200 : 100, transport, lanes, false);
    add_row("64 MiB over " + to, 40, transport, lanes, true);
  }
}

}  // namespace locum::bench
