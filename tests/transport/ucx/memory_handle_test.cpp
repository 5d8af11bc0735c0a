#include "transport/ucx/memory_handle.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <string>

#include "tests/transport/ucx/lanes.hpp"

namespace locum::ucx {
namespace {

constexpr std::size_t bytes = 1 << 20;

// As an arena does: pages return to the system and new ones replace them; the mapping stays.
bool change_pages(int file) {
  return ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes) == 0 &&
         ::fallocate(file, 0, 0, bytes) == 0;
}

// Registration is of pages, not of addresses. Both registrations exist at the same time, so that a new one
// has a different handle.
TEST(UcxMemoryHandleTest, PagesThatCameInPlaceOfOthersAreRegisteredAnew) {
  auto children = tests::start_group(1, tests::Lanes::any, [](Group&) -> std::string {
    const int file = ::memfd_create("locum test", MFD_CLOEXEC);
    if (::ftruncate(file, bytes) != 0) {
      return "no file";
    }
    void* const place = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const std::span memory(static_cast<const std::byte*>(place), bytes);
    const Context context(1, true);
    const auto before = MemoryHandle::over(context, memory);
    if (!before || !change_pages(file)) {
      return "not registered, or no other pages";
    }
    const auto after = MemoryHandle::over(context, memory);
    return after && after->handle() != before->handle() ? "" : "registered as before";
  });
  const tests::Ending ending = children.front().wait();
  EXPECT_EQ(ending.said, "");
  EXPECT_EQ(ending.exit_code, 0) << "signal " << ending.signal;
}

}  // namespace
}  // namespace locum::ucx
