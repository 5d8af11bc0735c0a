#include "shm/segment/segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/value/options.hpp"
#include "shm/segment/entry_tag.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/small_mount.hpp"

namespace locum::shm::segment_test {
namespace {

using tests::Ending;
using tests::in_child;
using tests::sanitized;

constexpr std::uint64_t reserve_bytes = 64_GiB;
constexpr std::uint64_t incarnation = 0x1234;

Geometry small_geometry(std::uint32_t ranks = 2, std::uint64_t memory_bytes = 32_MiB) {
  return Geometry::fit(ranks, memory_bytes, reserve_bytes);
}

Descriptor duplicate(const Segment& segment) {
  return Descriptor(::fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 0));
}

std::uint64_t file_bytes(const Segment& segment) {
  struct stat facts {};
  return ::fstat(segment.descriptor(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_blocks) * 512 : 0;
}

// Code and text of the exception of `call`.
Error thrown(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(Errc::not_found, "nothing was thrown");
}

TEST(Descriptor, ClosesItsFileOnceAndMovesItsOwnership) {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(number, 0);
  {
    Descriptor first(number);
    Descriptor second(std::move(first));
    EXPECT_FALSE(first.is_open());  // NOLINT(bugprone-use-after-move): what it says then is the point
    Descriptor third;
    third = std::move(second);
    EXPECT_EQ(third.number(), number);
    EXPECT_NE(::fcntl(number, F_GETFD), -1);
  }
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Segment, StartsWithItsHeadCommittedAndZeroTablesBehindIt) {
  const auto segment = Segment::create(small_geometry(), incarnation);
  const Geometry& geometry = segment->geometry();
  EXPECT_EQ(geometry, small_geometry());
  EXPECT_EQ(file_bytes(*segment), geometry.head_bytes());
  EXPECT_EQ(segment->committed_bytes(), geometry.head_bytes());
  EXPECT_EQ(segment->header().generation.load(), 0U);
  EXPECT_EQ(segment->header().stores.load(), 0U);
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    EXPECT_EQ(segment->shard(index).buckets.load(), 0U);
    EXPECT_EQ(reinterpret_cast<std::byte*>(&segment->shard(index)) - segment->base(),
              static_cast<std::ptrdiff_t>(geometry.shards_offset() + index * sizeof(Shard)));
  }
  EXPECT_EQ(segment->share(1).entries.load(), entries_word(0, 1));
  struct stat facts {};
  ASSERT_EQ(::fstat(segment->descriptor(), &facts), 0);
  EXPECT_EQ(facts.st_nlink, 0U) << "the file must have no name";
  EXPECT_EQ(segment->kind(), "unnamed file in /dev/shm");
}

TEST(Segment, LocksOfShardsSurviveTheDeathOfTheirHolder) {
  const auto segment = Segment::create(small_geometry(), incarnation);
  const Ending ending = in_child([&] {
    return std::to_string(::pthread_mutex_lock(&segment->shard(7).lock));  // and exits with it
  });
  EXPECT_EQ(ending.said, "0");
  ASSERT_EQ(::pthread_mutex_lock(&segment->shard(7).lock), EOWNERDEAD);
  EXPECT_EQ(::pthread_mutex_consistent(&segment->shard(7).lock), 0);
  EXPECT_EQ(::pthread_mutex_unlock(&segment->shard(7).lock), 0);
}

TEST(Segment, WhatOneMappingWritesTheOtherReads) {
  const auto made = Segment::create(small_geometry(), incarnation);
  const auto attached = Segment::attach(duplicate(*made), small_geometry(), incarnation);
  EXPECT_NE(made->base(), attached->base());
  EXPECT_EQ(attached->kind(), made->kind());
  const std::uint64_t offset = made->geometry().arena_offset(1);
  ASSERT_TRUE(made->commit(offset, 2 * page_bytes));
  std::memset(made->base() + offset, 0x5A, 2 * page_bytes);
  EXPECT_EQ(std::to_integer<int>(attached->base()[offset + 2 * page_bytes - 1]), 0x5A);
  EXPECT_EQ(attached->committed_bytes(), made->geometry().head_bytes() + 2 * page_bytes);
}

TEST(Segment, AttachRefusesWhatIsNotTheExpectedSegment) {
  const Geometry geometry = small_geometry();
  const auto segment = Segment::create(geometry, incarnation);
  const auto attach = [&](const Geometry& expected, std::uint64_t wanted) {
    return thrown([&] { static_cast<void>(Segment::attach(duplicate(*segment), expected, wanted)); }).code();
  };
  EXPECT_EQ(attach(geometry, incarnation + 1), Errc::corrupt);
  EXPECT_EQ(attach(small_geometry(3), incarnation), Errc::corrupt);
  Geometry other = geometry;
  other.memory_bytes += 1;  // the same file size
  EXPECT_EQ(attach(other, incarnation), Errc::corrupt);

  // Every byte that identifies the segment counts.
  auto* const bytes = segment->base();
  for (std::size_t position = 0; position < offsetof(SegmentHeader, generation); ++position) {
    bytes[position] ^= std::byte{1};
    EXPECT_EQ(attach(geometry, incarnation), Errc::corrupt) << "byte " << position;
    bytes[position] ^= std::byte{1};
  }
  EXPECT_EQ(attach(geometry, incarnation), Errc::not_found) << "nothing was changed, nothing is refused";

  // Not a segment at all; of the right size, but with nothing committed: accessing it may be SIGBUS.
  EXPECT_EQ(thrown([&] {
              static_cast<void>(Segment::attach(Descriptor(::open("/dev/null", O_RDWR)), geometry, 1));
            }).code(),
            Errc::corrupt);
  Descriptor hollow(::memfd_create("hollow", MFD_CLOEXEC));
  const Descriptor same(::fcntl(hollow.number(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(::ftruncate(hollow.number(), static_cast<off_t>(geometry.total_bytes())), 0);
  EXPECT_EQ(
      thrown([&] { static_cast<void>(Segment::attach(std::move(hollow), geometry, incarnation)); }).code(),
      Errc::corrupt);
  struct stat facts {};
  ASSERT_EQ(::fstat(same.number(), &facts), 0);
  EXPECT_EQ(facts.st_blocks, 0) << "it was written to";
}

TEST(Segment, CommitsNoMoreThanItsBudgetWhoeverAsks) {
  const auto segment = Segment::create(small_geometry(4, 32_MiB), incarnation);
  const Geometry& geometry = segment->geometry();
  constexpr std::uint64_t step_bytes = 256_KiB;
  std::vector<std::uint64_t> granted(4);
  std::vector<std::jthread> threads;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    threads.emplace_back([&, rank] {
      const auto mine = Segment::attach(duplicate(*segment), geometry, incarnation);
      while (mine->commit(geometry.arena_offset(rank) + granted[rank], step_bytes)) {
        granted[rank] += step_bytes;
      }
    });
  }
  threads.clear();
  std::uint64_t total = geometry.head_bytes();
  for (const std::uint64_t bytes : granted) {
    total += bytes;
  }
  EXPECT_EQ(segment->committed_bytes(), total);
  EXPECT_EQ(file_bytes(*segment), total);
  EXPECT_LE(total, geometry.memory_bytes);
  EXPECT_GT(total + granted.size() * step_bytes, geometry.memory_bytes)
      << "concurrent requests for the last step may all fail, and no more than that step is left";
  while (total + step_bytes <= geometry.memory_bytes) {
    ASSERT_TRUE(segment->commit(geometry.arena_offset(0) + granted[0], step_bytes));
    granted[0] += step_bytes;
    total += step_bytes;
  }

  const auto refused = segment->commit(geometry.arena_offset(0) + granted[0], step_bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::out_of_memory);
  for (const std::uint64_t figure : {step_bytes, total, geometry.memory_bytes}) {
    EXPECT_NE(refused.error().text().find(std::to_string(figure)), std::string::npos) << refused.error();
  }
  // A size that overflows any sum.
  EXPECT_EQ(segment->commit(geometry.arena_offset(0), ~std::uint64_t{0} - page_bytes + 1).error().code(),
            Errc::out_of_memory);
  EXPECT_EQ(segment->committed_bytes(), total);
}

TEST(Segment, FullSharedMemoryIsAnErrorThatTakesNothing) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(24_MiB)) {
      return "skipped: " + *reason;
    }
    const auto segment = Segment::create(small_geometry(1, 20_MiB), incarnation);
    const std::uint64_t offset = segment->geometry().arena_offset(0);
    std::ofstream("/dev/shm/filling") << std::string(14_MiB, 'x') << std::flush;
    const std::uint64_t before = file_bytes(*segment);
    const auto refused = segment->commit(offset, 12_MiB);
    if (refused) {
      return "commits what is not there";
    }
    if (refused.error().code() != Errc::out_of_memory ||
        refused.error().text().find("/dev/shm is full") == std::string::npos) {
      return refused.error().what();
    }
    if (file_bytes(*segment) != before || segment->committed_bytes() != before) {
      return "keeps a part of what it could not get whole";
    }
    std::filesystem::remove("/dev/shm/filling");
    if (const auto later = segment->commit(offset, 12_MiB); !later) {
      return later.error().what();
    }
    std::memset(segment->base() + offset, 1, 12_MiB);
    return segment->kind();
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.signal, 0) << "a signal ended it; 7 is SIGBUS";
  EXPECT_EQ(ending.said, "unnamed file in /dev/shm");
}

// A page there takes as much as 512 others: what is committed would fill the budget of the node.
class SegmentBesideHugePages : public ::testing::TestWithParam<const char*> {};

TEST_P(SegmentBesideHugePages, IsAMemfd) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(256_MiB, std::string(",huge=") + GetParam())) {
      return "skipped: " + *reason;
    }
    std::string enabled;
    std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/shmem_enabled"), enabled);
    if (enabled.find("[always]") != std::string::npos || enabled.find("[force]") != std::string::npos) {
      return "skipped: all shared memory is of huge pages";
    }
    const auto segment = Segment::create(small_geometry(1, 20_MiB), incarnation);
    const std::uint64_t before = segment->committed_bytes();
    if (const auto got = segment->commit(segment->geometry().arena_offset(0), 64_KiB); !got) {
      return got.error().what();
    }
    return std::to_string(segment->committed_bytes() - before);
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.signal, 0);
  EXPECT_EQ(ending.said, std::to_string(64_KiB));
}

INSTANTIATE_TEST_SUITE_P(Mounted, SegmentBesideHugePages, ::testing::Values("always", "within_size"));

TEST(Segment, TakesAMemfdWhereSharedMemoryIsTooSmall) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(4_MiB)) {
      return "skipped: " + *reason;
    }
    const auto segment = Segment::create(small_geometry(1, 20_MiB), incarnation);
    if (const auto got = segment->commit(segment->geometry().arena_offset(0), 12_MiB); !got) {
      return got.error().what();
    }
    std::memset(segment->base() + segment->geometry().arena_offset(0), 1, 12_MiB);
    return Segment::attach(duplicate(*segment), segment->geometry(), incarnation)->kind();
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.signal, 0);
  EXPECT_EQ(ending.said, "memfd");
}

TEST(Segment, LimitsOfTheProcessAreErrorsThatNameThem) {
  const auto under = [](auto resource, rlim_t limit) {
    return in_child([=]() -> std::string {
      const rlimit value{limit, limit};
      ::setrlimit(resource, &value);
      return thrown([] { static_cast<void>(Segment::create(small_geometry(), incarnation)); }).what();
    });
  };
  const Ending files = under(RLIMIT_FSIZE, 1_MiB);
  EXPECT_EQ(files.signal, 0);
  EXPECT_NE(files.said.find("RLIMIT_FSIZE"), std::string::npos) << files.said;
  if (sanitized) {
    GTEST_SKIP() << "a sanitizer's own memory does not fit under RLIMIT_AS; RLIMIT_FSIZE was tested";
  }
  const Ending space = under(RLIMIT_AS, 64_MiB);
  EXPECT_EQ(space.signal, 0);
  EXPECT_NE(space.said.find("out_of_memory"), std::string::npos) << space.said;
  EXPECT_NE(space.said.find("RLIMIT_AS"), std::string::npos) << space.said;
}

// A core file with the segment would be as large as the node's memory, once for each dying rank.
TEST(Segment, IsNotPartOfACoreDump) {
  std::string pattern;
  std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
  if (pattern.empty() || pattern.find('|') != std::string::npos || pattern.find('/') != std::string::npos) {
    GTEST_SKIP() << "core files do not go to the working folder here, but to \"" << pattern << "\"";
  }
  if (sanitized) {
    GTEST_SKIP() << "a sanitizer's own memory would be in the core file";
  }
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("locum_core_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const Ending ending = in_child([&]() -> std::string {
    const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &limit) != 0) {
      return "the limit on core files cannot be raised";
    }
    std::filesystem::current_path(folder);
    const auto segment = Segment::create(small_geometry(1, 256_MiB), incarnation);
    const std::uint64_t begin = segment->geometry().arena_offset(0);
    segment->commit(begin, 192_MiB).value();
    std::memset(segment->base() + begin, 1, 192_MiB);
    ::prctl(PR_SET_DUMPABLE, 1);
    std::abort();
  });
  std::uintmax_t dumped = 0;
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    dumped += file.file_size();
    ++files;
  }
  std::filesystem::remove_all(folder);
  if (ending.signal != SIGABRT) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(files, 1U);
  EXPECT_GT(dumped, 0U);
  EXPECT_LT(dumped, 128_MiB);  // the test program itself takes some tens of MiB
}

TEST(Segment, ReservesFarMoreThanItTakes) {
  if (sanitized) {
    GTEST_SKIP() << "sanitizers refuse address ranges of this size";
  }
  const Geometry geometry = Geometry::fit(4, 512_GiB, 32768_GiB);
  EXPECT_GT(geometry.total_bytes(), 4096_GiB);
  if (const Error error = thrown([&] { static_cast<void>(Segment::create(geometry, incarnation)); });
      error.code() != Errc::not_found) {
    FAIL() << error;
  }
}

}  // namespace
}  // namespace locum::shm::segment_test
