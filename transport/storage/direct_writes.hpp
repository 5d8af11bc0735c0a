#pragma once

#include <linux/aio_abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "transport/storage/file_calls.hpp"

namespace locum::storage {

/// Writes large pieces of a file to the disk without the system's cache of files (O_DIRECT): the bytes take
/// no memory of the node, and the system has no pages to find for them. They go through buffers of this,
/// because the disk wants aligned addresses; it writes some of these while the next one is filled. One thread
/// at a time.
class DirectWrites {
 public:
  /// Smaller pieces are faster through the cache, which gives many of them to the disk at once.
  static constexpr std::size_t least_bytes = std::size_t{1} << 20U;
  /// Of one write: enough for a disk to be busy meanwhile.
  static constexpr std::size_t most_bytes = std::size_t{2} << 20U;
  /// Offsets are multiples of this, the size of a page: each is written here or through the cache.
  static constexpr std::size_t block_bytes = 4096;

  /// Of a file that is there. Without effect where the file system is none of those on local disks (ext4,
  /// XFS), or does not say how it is to be done (Linux before 6.1), where pages are larger, and without
  /// memory for the buffers.
  explicit DirectWrites(const std::string& path) noexcept;
  DirectWrites(const DirectWrites&) = delete;
  DirectWrites& operator=(const DirectWrites&) = delete;
  /// Waits for what is being written.
  ~DirectWrites();

  [[nodiscard]] bool works() const noexcept { return file_.is_open(); }

  /// Begins to write the first bytes of a piece, and returns how many; 0 if they are for the cache: they are
  /// few, or begin within a block. Negative: the error number of this, or of an earlier write.
  [[nodiscard]] std::int64_t write_some(std::uint64_t offset, std::span<const std::byte> bytes) noexcept;
  /// Waits until all is written. Returns 0, or an error number.
  [[nodiscard]] int finish() noexcept;

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  struct Buffer {
    std::unique_ptr<std::byte, Free> memory;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    bool is_written = true;
  };
  static constexpr std::size_t buffer_count = 3;

  /// Null: none could be waited for; error_ says why.
  [[nodiscard]] Buffer* free_buffer() noexcept;
  [[nodiscard]] bool begin(Buffer& buffer) noexcept;
  void wait_for_one() noexcept;
  /// Writes what follows the first bytes of a buffer, and waits for that.
  void write_rest(Buffer& buffer, std::int64_t written) noexcept;

  Descriptor file_;
  std::array<Buffer, buffer_count> buffers_;
  ::aio_context_t queue_ = 0;  ///< 0: the system has none left, each write is waited for
  int error_ = 0;              ///< the first one
};

}  // namespace locum::storage
