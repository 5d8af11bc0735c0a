#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>

#include "core/array.hpp"
#include "core/base/mutex.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "core/value/deadline.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/once.hpp"

namespace locum::storage {

/// What the ranks of a node make of parts of files, in the store of the node: each part is made once. What
/// this rank has made takes a part of the memory of the node at most; the oldest of it goes first, and all of
/// it with this. Any thread.
class SharedParts {
 public:
  /// \param store for what is made. \param lifetime of what is made. \param most_bytes of what this rank has
  /// made; 0: a 256th of the node's memory, and RuntimeOptions::decoded_cache_bytes
  SharedParts(const Session& session, Store store, std::chrono::milliseconds lifetime,
              std::uint64_t most_bytes = 0);
  SharedParts(const SharedParts&) = delete;
  SharedParts& operator=(const SharedParts&) = delete;
  ~SharedParts();

  /// Returns whether a part of so many bytes is worth an object, and has room beside others.
  [[nodiscard]] bool shares(std::uint64_t bytes) const noexcept {
    return bytes >= least_bytes && bytes <= most_bytes_;
  }
  /// Fills the bytes of a part.
  using Make = std::function<Result<void>(std::span<std::byte> into)>;
  /// Returns a part as bytes, made by `make` if no rank of the node has made it. `content`: what tells it
  /// from all other parts. An error is that of `make`, of the store, or of a rank that takes too long: the
  /// caller makes the part for itself then. REQUIRES: shares(bytes).
  [[nodiscard]] Result<Array> get(const std::string& content, std::uint64_t bytes, const Make& make)
      LOCUM_EXCLUDES(mutex_);
  /// Returns where this rank begins with parts that others may make at the same time, so that not all begin
  /// with the same one: a number below `count`.
  [[nodiscard]] std::size_t first_of(std::size_t count) const noexcept;

 private:
  /// Making a smaller one again takes no longer than to share it.
  static constexpr std::uint64_t least_bytes = std::uint64_t{32} << 10U;

  struct Made {
    Key key;
    std::uint64_t bytes = 0;
  };

  [[nodiscard]] Result<void> make_object(const std::string& name, std::uint64_t bytes, const Make& make)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Key> fill_object(const std::string& name, std::uint64_t bytes, const Make& make)
      LOCUM_EXCLUDES(mutex_);
  /// Evicts the oldest objects of this rank, until all of them, and those being made, have so many bytes.
  void evict_until(std::uint64_t most_bytes) LOCUM_EXCLUDES(mutex_);

  const Session session_;
  const Store store_;
  const OnceANode once_;
  const std::chrono::milliseconds lifetime_;
  const std::uint64_t most_bytes_;
  std::atomic<Deadline::Clock::rep> impatient_until_{0};  ///< a rank took too long: nobody is waited for
  Mutex mutex_;
  std::list<Made> oldest_first_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;   ///< of these
  std::uint64_t making_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< bytes of those that are being made
};

}  // namespace locum::storage
