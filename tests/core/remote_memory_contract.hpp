#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "tests/core/mailbox.hpp"
#include "tests/core/transport_world.hpp"

/// Contract tests of the RemoteMemory port, for every implementation: INSTANTIATE_TEST_SUITE_P(…,
/// RemoteMemoryContract, …) with a maker of worlds in which memory is read one-sidedly. Bodies as in
/// transport_contract.hpp.
namespace locum::tests {

class RemoteMemoryContract : public testing::TestWithParam<TransportWorldMaker> {
 protected:
  void run(int ranks, const TransportWorld::Body& body) { world_->run(ranks, body); }

  const std::unique_ptr<TransportWorld> world_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RemoteMemoryContract);

/// The reads of one rank, and their outcomes.
class MemoryReader {
 public:
  explicit MemoryReader(const TransportSide& side) : side_(side), mailbox_(side.transport) {}

  [[nodiscard]] Mailbox& mailbox() noexcept { return mailbox_; }
  /// Begins, and waits for the outcome.
  Result<void> read(int from, const RemoteKey& key, std::uint64_t offset, std::span<std::byte> into) {
    const auto outcome = begin(from, key, offset, into);
    EXPECT_TRUE(mailbox_.wait([&] { return outcome->has_value(); })) << "a read does not end";
    return outcome->value_or(Error(Errc::system, "no outcome"));
  }
  std::shared_ptr<std::optional<Result<void>>> begin(int from, const RemoteKey& key, std::uint64_t offset,
                                                     std::span<std::byte> into) {
    auto outcome = std::make_shared<std::optional<Result<void>>>();
    calling_ = true;
    const auto reading =
        side_.remote->get(from, key, offset, into, [this, outcome](const Result<void>& said) {
          EXPECT_FALSE(calling_) << "reported within get()";
          EXPECT_FALSE(outcome->has_value()) << "reported twice";
          *outcome = said;
        });
    calling_ = false;
    if (!reading) {
      *outcome = reading.error();
    } else if (*reading == Sending::done) {
      *outcome = Result<void>();
    }
    return outcome;
  }
  /// The next key that another rank has sent.
  RemoteKey next_key() {
    EXPECT_TRUE(mailbox_.wait_for_letters(keys_ + 1));
    return keys_ < mailbox_.letters.size() ? RemoteKey(mailbox_.letters[keys_++].header) : RemoteKey();
  }
  /// Exposes memory with this content, and sends the key.
  RemoteMemory::Exposure expose(int to, std::span<const std::byte> bytes) {
    const std::span<std::byte> memory = side_.exposable(bytes.size());
    std::ranges::copy(bytes, memory.begin());
    const auto exposure = side_.remote->expose(memory);
    EXPECT_TRUE(exposure.has_value()) << exposure.error().what();
    if (!exposure) {
      return {};
    }
    EXPECT_LE(exposure->key.bytes().size(), RemoteKey::max_bytes);
    mailbox_.send(to, exposure->key.bytes());
    return *exposure;
  }

 private:
  const TransportSide& side_;
  Mailbox mailbox_;
  std::size_t keys_ = 0;
  bool calling_ = false;
};

// The owner waits at a barrier, and does not call its transport.
TEST_P(RemoteMemoryContract, IsReadWithoutTheHelpOfItsOwner) {
  static constexpr std::size_t size = 3 << 20;
  run(2, [](const TransportSide& side) {
    MemoryReader reader(side);
    EXPECT_FALSE(side.remote->reads(side.rank));
    EXPECT_TRUE(side.remote->reads(1 - side.rank));
    EXPECT_FALSE(side.remote->reads(2));
    EXPECT_FALSE(side.remote->reads(-1));
    const auto bytes = bytes_of(1, size);
    if (side.rank == 0) {
      reader.expose(1, bytes);
      reader.mailbox().meet(side);
      side.barrier([] {});
    } else {
      const RemoteKey key = reader.next_key();
      reader.mailbox().meet(side);
      for (const auto& [offset, count] : {std::pair<std::size_t, std::size_t>{0, size},
                                          {0, 1},
                                          {size - 1, 1},
                                          {4097, 100'000},
                                          {1 << 20, 1 << 20},
                                          {size, 0}}) {
        std::vector<std::byte> into(count + 2, std::byte{0xEE});
        const auto read = reader.read(0, key, offset, std::span(into).subspan(1, count));
        EXPECT_TRUE(read.has_value()) << read.error().what();
        EXPECT_TRUE(std::equal(into.begin() + 1, into.end() - 1, bytes.begin() + static_cast<long>(offset)));
        EXPECT_EQ(into.front(), std::byte{0xEE});
        EXPECT_EQ(into.back(), std::byte{0xEE});
      }
      side.barrier([] {});
    }
    reader.mailbox().meet(side);
  });
}

TEST_P(RemoteMemoryContract, ShowsWhatTheMemoryHoldsNow) {
  run(2, [](const TransportSide& side) {
    MemoryReader reader(side);
    std::span<std::byte> memory;
    if (side.rank == 0) {
      memory = side.exposable(10'000);
      std::ranges::fill(memory, std::byte{1});
      const auto exposure = side.remote->expose(memory);
      ASSERT_TRUE(exposure) << exposure.error().what();
      reader.mailbox().send(1, exposure->key.bytes());
    }
    const RemoteKey key = side.rank == 1 ? reader.next_key() : RemoteKey();
    for (const unsigned value : {2U, 3U, 4U}) {
      reader.mailbox().meet(side);
      std::ranges::fill(memory, static_cast<std::byte>(value));
      reader.mailbox().meet(side);
      if (side.rank == 1) {
        std::vector<std::byte> into(10'000);
        ASSERT_TRUE(reader.read(0, key, 0, into));
        EXPECT_EQ(into, std::vector<std::byte>(10'000, static_cast<std::byte>(value)));
      }
    }
    reader.mailbox().meet(side);
  });
}

TEST_P(RemoteMemoryContract, ManyAreExposedAndReadAtATime) {
  constexpr std::size_t count = 40;
  run(3, [](const TransportSide& side) {
    MemoryReader reader(side);
    const int next = (side.rank + 1) % side.size;
    const int before = (side.rank + 2) % side.size;
    const auto size_of = [](std::size_t at) { return 1000 + at * 777; };
    const auto seed_of = [](int rank, std::size_t at) {
      return static_cast<std::uint64_t>(rank) * 1000 + at;
    };
    std::vector<RemoteMemory::Exposure> exposures;
    for (std::size_t at = 0; at < count; ++at) {
      exposures.push_back(reader.expose(next, bytes_of(seed_of(side.rank, at), size_of(at))));
    }
    std::vector<std::vector<std::byte>> into(count);
    std::vector<std::shared_ptr<std::optional<Result<void>>>> outcomes;
    for (std::size_t at = 0; at < count; ++at) {
      const RemoteKey key = reader.next_key();
      into[at].resize(size_of(at));
      outcomes.push_back(reader.begin(before, key, 0, into[at]));
    }
    EXPECT_TRUE(reader.mailbox().wait(
        [&] { return std::ranges::all_of(outcomes, [](const auto& each) { return each->has_value(); }); }));
    for (std::size_t at = 0; at < count; ++at) {
      EXPECT_TRUE(outcomes[at]->has_value() && (*outcomes[at])->has_value()) << at;
      EXPECT_TRUE(into[at] == bytes_of(seed_of(before, at), size_of(at))) << at;
    }
    reader.mailbox().meet(side);
    for (const auto& exposure : exposures) {
      side.remote->withdraw(exposure.number);
    }
  });
}

TEST_P(RemoteMemoryContract, RefusesWhatIsNoKey) {
  run(3, [](const TransportSide& side) {
    MemoryReader reader(side);
    if (side.rank == 0) {
      reader.expose(1, bytes_of(1, 5000));
    } else if (side.rank == 1) {
      const RemoteKey key = reader.next_key();
      const auto code = [&](int from, const RemoteKey& bent, std::uint64_t offset, std::size_t size) {
        std::vector<std::byte> into(size, std::byte{0xEE});
        const auto outcome = reader.read(from, bent, offset, into);
        EXPECT_FALSE(outcome.has_value());
        EXPECT_EQ(into, std::vector<std::byte>(size, std::byte{0xEE}));
        return outcome ? Errc{} : outcome.error().code();
      };
      EXPECT_EQ(code(0, {}, 0, 10), Errc::invalid_argument);
      EXPECT_EQ(code(2, key, 0, 10), Errc::invalid_argument) << "the key belongs to another rank";
      EXPECT_EQ(code(1, key, 0, 10), Errc::unsupported) << "a rank does not read its own memory";
      EXPECT_EQ(code(7, key, 0, 10), Errc::unsupported);
      EXPECT_EQ(code(0, key, 0, 5001), Errc::invalid_argument);
      EXPECT_EQ(code(0, key, 5000, 1), Errc::invalid_argument);
      EXPECT_EQ(code(0, key, ~0ULL, 1), Errc::invalid_argument);
      for (std::size_t at = 0; at < key.bytes().size(); ++at) {
        std::vector<std::byte> bytes(key.bytes().begin(), key.bytes().end());
        bytes[at] ^= std::byte{1} << at % 8;
        EXPECT_EQ(code(0, RemoteKey(bytes), 0, 10), Errc::invalid_argument) << "byte " << at;
        EXPECT_EQ(code(0, RemoteKey(std::span(bytes).first(at)), 0, 10), Errc::invalid_argument);
      }
      std::vector<std::byte> into(5000);
      EXPECT_TRUE(reader.read(0, key, 0, into)) << "the unchanged key still works";
      EXPECT_EQ(into, bytes_of(1, 5000));
    }
    reader.mailbox().meet(side);
  });
}

TEST_P(RemoteMemoryContract, IsNotReadOfARankThatIsForgotten) {
  run(2, [](const TransportSide& side) {
    MemoryReader reader(side);
    if (side.rank == 0) {
      reader.expose(1, bytes_of(1, 5000));
    } else {
      const RemoteKey key = reader.next_key();
      std::vector<std::byte> into(5000);
      const auto begun = reader.begin(0, key, 0, into);
      side.transport.forget(0);
      EXPECT_TRUE(reader.mailbox().wait([&] { return begun->has_value(); }))
          << "it ends, successfully or not";
      const auto later = reader.read(0, key, 0, into);
      ASSERT_FALSE(later);
      EXPECT_EQ(later.error().code(), Errc::peer_lost);
    }
    side.barrier([] {});
  });
}

TEST_P(RemoteMemoryContract, ReadsOfADeadRankEnd) {
  const auto limit = world_->loss_told_within();
  run(2, [limit](const TransportSide& side) {
    MemoryReader reader(side);
    if (side.rank == 0) {
      reader.expose(1, bytes_of(1, 50'000));
      reader.mailbox().meet(side);
      side.die();
      return;
    }
    const RemoteKey key = reader.next_key();
    reader.mailbox().meet(side);
    // Until the death is known, its memory may still be accessible.
    std::vector<std::byte> into(50'000);
    const auto until = side.transport.now() + limit.value_or(std::chrono::seconds(1));
    for (bool gone = false; !gone && side.transport.now() < until;) {
      const auto outcome = reader.begin(0, key, 0, into);
      ASSERT_TRUE(reader.mailbox().wait([&] { return outcome->has_value(); }));
      gone = !(*outcome)->has_value();
      EXPECT_TRUE(gone || into == bytes_of(1, 50'000));
      (void)reader.mailbox().wait([] { return false; }, side.transport.now() + std::chrono::milliseconds(50));
    }
  });
}

}  // namespace locum::tests
