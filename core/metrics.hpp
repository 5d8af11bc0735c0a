#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace locum {

/// How a completed operation moved its bytes.
enum class Path : std::uint8_t {
  shm_view,      ///< read in place, in the node's shared memory; nothing was copied
  shm_copy,      ///< copied within the node
  inline_value,  ///< came inside a message
  rma,           ///< read one-sidedly from another node
  rendezvous,    ///< pushed by the owner in several messages
  emulated,      ///< one-sided in name, carried by software on the owner's side
  storage,       ///< read from or written to a file or server
};
inline constexpr std::size_t path_count = 7;

/// The enumerator's own name, e.g. "shm_view".
[[nodiscard]] std::string_view to_string(Path path) noexcept;

/// What one rank's runtime did so far: counts of completed operations and of bytes, by path. Written by any
/// thread with relaxed additions; read at any time. Tests assert them.
struct Metrics {
  using Counter = std::atomic<std::uint64_t>;

  struct Traffic {
    Counter operations{0};
    Counter bytes{0};
  };

  std::array<Traffic, path_count> reads;  ///< gets, by how the bytes reached the reader
  std::array<Traffic, path_count>
      writes;            ///< puts, by how the bytes reached the store; shm_view: written in place
  Counter misses{0};     ///< gets of what was not there
  Counter evictions{0};  ///< evictions that found something
  Counter decodes{0};    ///< values decoded; decoded_hits did not have to
  Counter decoded_hits{0};
  Counter messages{0};  ///< sent to other ranks on the data path

  void count_read(Path path, std::uint64_t bytes) noexcept {
    add(reads[static_cast<std::size_t>(path)], bytes);
  }
  void count_write(Path path, std::uint64_t bytes) noexcept {
    add(writes[static_cast<std::size_t>(path)], bytes);
  }
  static void increment(Counter& counter) noexcept { counter.fetch_add(1, std::memory_order_relaxed); }

 private:
  static void add(Traffic& traffic, std::uint64_t bytes) noexcept {
    traffic.operations.fetch_add(1, std::memory_order_relaxed);
    traffic.bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
};

}  // namespace locum
