// What a transport does in a process that has no memory left: UCX calls back where nothing can be reported,
// and what has to be told is told in fewer words.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <functional>
#include <vector>

#include "tests/core/operator_new.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/transport.hpp"

namespace {

bool scarce = false;  // by the only thread that allocates
int failures = 0;

}  // namespace

bool locum::tests::fails_to_allocate() noexcept {
  failures += scarce ? 1 : 0;
  return scarce;
}

namespace locum::ucx {
namespace {

using namespace std::chrono_literals;
using tests::drive;
using tests::Lanes;

constexpr std::array<std::byte, 1> tick{std::byte{1}};
constexpr std::size_t bulk_bytes = std::size_t{64} << 20U;

/// Counts what it is told, and needs no memory for that.
class Counter final : public Receiver {
 public:
  explicit Counter(std::span<std::byte> memory) : memory_(memory) {}

  [[nodiscard]] std::span<std::byte> arrived(const Arrival& message) noexcept override {
    ++messages;
    return message.present.size() == message.bulk_bytes ? std::span<std::byte>()
                                                        : memory_.first(message.bulk_bytes);
  }
  void landed(std::uint64_t, const Result<Path>& outcome) noexcept override { ++(outcome ? good : bad); }
  void sent(std::uint64_t, const Result<void>& outcome) noexcept override { ++(outcome ? good : bad); }
  void lost(int, const Error& cause) noexcept override {
    ++losses;
    code = cause.code();
  }

  int messages = 0;
  int good = 0;
  int bad = 0;
  int losses = 0;
  Errc code{};

 private:
  const std::span<std::byte> memory_;
};

class UcxNoMemoryTest : public ::testing::TestWithParam<Lanes> {
 protected:
  using Part = std::function<void(Transport&, Counter&)>;
  // Two processes, connected in both directions. All that rank 0 hears, it hears without memory, until rank 1
  // is killed, which is what it does at the end of its part.
  static void play(const Part& survivor, const Part& victim) {
    auto children = tests::start_group(2, GetParam(), [&](Group& group) {
      std::vector<std::byte> memory(bulk_bytes);
      auto transport = open_transport(group, {.close_timeout = 500ms});
      Counter counter(memory);
      EXPECT_TRUE(transport->send(1 - group.rank(), tick, {}, 0));
      EXPECT_TRUE(hear(group.rank(), *transport, counter, [&] { return counter.messages == 1; }));
      tests::barrier(group, [&] { transport->progress(counter); });
      if (group.rank() == 1) {
        victim(*transport, counter);
        ::raise(SIGKILL);
      }
      survivor(*transport, counter);
      return std::string();
    });
    EXPECT_EQ(children[1].wait().signal, SIGKILL);
    const tests::Ending ending = children[0].wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
  }
  static bool hear(int rank, Transport& transport, Counter& counter, const std::function<bool()>& heard) {
    const auto end = transport.now() + 20s;
    while (!heard() && transport.now() < end) {
      scarce = rank == 0;
      const bool moved = transport.progress(counter);
      scarce = false;
      if (!moved && !heard() && transport.arm()) {
        transport.sleep(end);
      }
    }
    return heard();
  }
};

INSTANTIATE_TEST_SUITE_P(Lanes, UcxNoMemoryTest, ::testing::Values(Lanes::any, Lanes::tcp),
                         ::testing::PrintToStringParamName());

TEST_P(UcxNoMemoryTest, TellsOfALossInFewWords) {
  play(
      [](Transport& transport, Counter& counter) {
        const std::vector<std::byte> bulk(bulk_bytes);
        ASSERT_EQ(transport.send(1, tick, bulk, 9).value(), Sending::pending);
        failures = 0;
        EXPECT_TRUE(hear(0, transport, counter, [&] { return counter.losses == 1; }));
        EXPECT_EQ(counter.code, Errc::peer_lost);
        EXPECT_EQ(counter.good, 0);
        EXPECT_EQ(counter.bad, 1) << "of the bulk that it has not taken";
        EXPECT_GE(failures, 2) << "words were wanted for both";
        EXPECT_EQ(transport.send(1, tick, {}, 0).error().code(), Errc::peer_lost);
      },
      [](Transport& transport, Counter& counter) {
        // Killed before it has taken the bulk.
        EXPECT_TRUE(drive(transport, counter, [&] { return counter.messages > 1; }));
      });
}

}  // namespace
}  // namespace locum::ucx
