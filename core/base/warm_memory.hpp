#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"

namespace locum {

/// Private memory for data from other nodes and for records of backends, kept after use for reuse: the C
/// library would return larger blocks to the system, and each page would be touched for the first time again
/// and again. By size classes, four per doubling. Any thread may call. A forked process keeps nothing: the
/// mutex that it inherits may be locked for ever.
class WarmMemory {
 public:
  /// Most bytes of all kept blocks together.
  static constexpr std::uint64_t most_kept_bytes = std::uint64_t{16} << 20U;

  WarmMemory() = default;
  WarmMemory(const WarmMemory&) = delete;
  WarmMemory& operator=(const WarmMemory&) = delete;
  ~WarmMemory() { drop(); }

  /// The instance of the process, which is never destroyed: received data may outlive the caller.
  [[nodiscard]] static WarmMemory& of_process() noexcept;

  /// That many bytes, aligned to `alignment`: a power of two, at most 4096. Null if there are none.
  [[nodiscard]] std::byte* take(std::uint64_t bytes, std::uint64_t alignment) noexcept;
  /// Accepts the size passed to take(), too.
  void give_back(std::byte* block, std::uint64_t bytes, std::uint64_t alignment) noexcept;
  /// Returns the kept blocks to the system.
  void drop() noexcept;
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept;

 private:
  struct Kept {
    Kept* next;
  };

  void drop_all() noexcept LOCUM_REQUIRES(mutex_);

  /// By class, for small ones of up to 16 KiB: one block that is taken and returned without the mutex. These
  /// few do not count towards the limit.
  std::array<std::atomic<std::byte*>, 28> handy_{};
  const ForkMark maker_;
  mutable Mutex mutex_;
  std::array<Kept*, 68> kept_ LOCUM_GUARDED_BY(mutex_){};  ///< by class
  std::uint64_t kept_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum
