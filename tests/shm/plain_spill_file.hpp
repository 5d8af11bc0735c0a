#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>

#include "core/ports/spill_file.hpp"
#include "core/value/error.hpp"

namespace locum::tests {

/// A spill file in memory, without bounds: the disk of tests that have none. Fails on request.
class PlainSpillFile final : public SpillFile {
 public:
  explicit PlainSpillFile(int descriptor) noexcept : descriptor_(descriptor) {}
  ~PlainSpillFile() override { ::close(descriptor_); }

  Result<void> extend_to(std::uint64_t size_bytes) override {
    return outcome(::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) == 0);
  }
  Result<void> write(std::uint64_t position, std::span<const std::byte> bytes) override {
    ++writes;
    if (before_write) {
      before_write();
    }
    return outcome(!full.load() && ::pwrite(descriptor_, bytes.data(), bytes.size(),
                                            static_cast<off_t>(position)) == std::ssize(bytes));
  }
  Result<void> read(std::uint64_t position, std::span<std::byte> into) override {
    return outcome(!broken.load() && ::pread(descriptor_, into.data(), into.size(),
                                             static_cast<off_t>(position)) == std::ssize(into));
  }
  void discard(std::uint64_t position, std::uint64_t size_bytes) noexcept override {
    static_cast<void>(::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  static_cast<off_t>(position), static_cast<off_t>(size_bytes)));
  }
  [[nodiscard]] std::uint64_t stored_bytes() const noexcept override {
    struct stat facts {};
    return ::fstat(descriptor_, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_blocks) * 512 : 0;
  }
  [[nodiscard]] int descriptor() const noexcept override { return descriptor_; }

  std::atomic<bool> full{false};    ///< whether write() fails
  std::atomic<bool> broken{false};  ///< whether read() fails
  std::atomic<int> writes{0};
  std::function<void()> before_write;  ///< while no other thread has access

 private:
  static Result<void> outcome(bool done) {
    return done ? Result<void>()
                : Result<void>(Error(Errc::system, "the disk of the test refuses; try another"));
  }

  const int descriptor_;
};

[[nodiscard]] inline std::shared_ptr<PlainSpillFile> plain_spill_file() {
  return std::make_shared<PlainSpillFile>(::memfd_create("locum-test-spill", MFD_CLOEXEC));
}
[[nodiscard]] inline SpillFiles plain_spill_files() {
  return {.make = [] { return plain_spill_file(); },
          .take = [](int descriptor) { return std::make_shared<PlainSpillFile>(descriptor); }};
}

}  // namespace locum::tests
