#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/mutex.hpp"

namespace locum {

/// Private memory for what comes from other nodes, kept when it is given back, for the next: the C library
/// would return larger blocks to the system, and each page be touched for the first time again and again.
/// By classes of size, four to a doubling. Any thread may call.
class WarmMemory {
 public:
  /// What all blocks that are kept have together, at most.
  static constexpr std::uint64_t most_kept_bytes = std::uint64_t{16} << 20U;

  WarmMemory() = default;
  WarmMemory(const WarmMemory&) = delete;
  WarmMemory& operator=(const WarmMemory&) = delete;
  ~WarmMemory() { drop(); }

  /// That of the process, which is never destroyed: what landed may outlive whoever asked for it.
  [[nodiscard]] static WarmMemory& of_process() noexcept;

  /// So many bytes, aligned to `alignment`: a power of two, 4096 at most. Null if there are none.
  [[nodiscard]] std::byte* take(std::uint64_t bytes, std::uint64_t alignment) noexcept;
  /// What take() was asked for, too.
  void give_back(std::byte* block, std::uint64_t bytes, std::uint64_t alignment) noexcept;
  /// Returns what is kept to the system.
  void drop() noexcept;
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept;

 private:
  struct Kept {
    Kept* next;
  };

  void drop_all() noexcept LOCUM_REQUIRES(mutex_);

  /// By class, of the small ones, of up to 16 KiB: one block that is taken and given back without the mutex.
  /// Beyond the limit, but few.
  std::array<std::atomic<std::byte*>, 28> handy_{};
  mutable Mutex mutex_;
  std::array<Kept*, 68> kept_ LOCUM_GUARDED_BY(mutex_){};  ///< by class
  std::uint64_t kept_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum
