#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include "core/base/hash.hpp"

namespace locum::bench {

/// The twin of a look-up with pin, written by hand for this one purpose. Open addressing, half a cache line
/// per entry, a count of readers in the entry; without type names, stores, or recovery from kills. Its memory
/// belongs to the caller, so that other processes can read it, too. One process inserts and erases, all pin.
class HandTable {
 public:
  struct Entry {
    std::atomic<std::uint64_t> key;  ///< integer key, or hash of the name; `vacant`, `erased`
    std::atomic<std::uint32_t> pins;
    std::uint32_t name_bytes;
    std::uint64_t offset;  ///< of the object, where its name is
    std::uint64_t size_bytes;
  };
  static_assert(sizeof(Entry) == 32);

  static constexpr std::uint64_t vacant = 0;
  static constexpr std::uint64_t erased = ~std::uint64_t{0};

  /// The bytes of a table for that many keys: at most half full.
  [[nodiscard]] static std::uint64_t bytes_for(std::uint64_t keys) {
    return std::uint64_t{2} * std::bit_ceil(keys) * sizeof(Entry);
  }
  /// Over memory of bytes_for() bytes, which is zero when the first process opens it.
  explicit HandTable(std::span<std::byte> memory)
      : entries_(reinterpret_cast<Entry*>(memory.data())), mask_(memory.size() / sizeof(Entry) - 1) {}

  void insert(std::uint64_t key, std::uint64_t offset, std::uint64_t size_bytes,
              std::uint32_t name_bytes = 0) {
    std::uint64_t at = home(key);
    for (;; ++at) {
      const std::uint64_t there = entries_[at & mask_].key.load(std::memory_order_relaxed);
      if (there == vacant || there == erased) {
        break;
      }
    }
    Entry& entry = entries_[at & mask_];
    entry.offset = offset;
    entry.size_bytes = size_bytes;
    entry.name_bytes = name_bytes;
    entry.key.store(key, std::memory_order_release);
  }

  /// The entry, pinned; nullptr if there is none.
  [[nodiscard]] Entry* pin(std::uint64_t key) {
    for (std::uint64_t at = home(key);; ++at) {
      Entry& entry = entries_[at & mask_];
      const std::uint64_t there = entry.key.load(std::memory_order_acquire);
      if (there == key) {
        entry.pins.fetch_add(1, std::memory_order_seq_cst);
        if (entry.key.load(std::memory_order_seq_cst) == key) {
          return &entry;
        }
        unpin(entry);
        return nullptr;
      }
      if (there == vacant) {
        return nullptr;
      }
    }
  }

  /// The same by name; `names` is the base of the offsets.
  [[nodiscard]] Entry* pin(std::string_view name, const std::byte* names) {
    const std::uint64_t hash = hash64(name);
    for (std::uint64_t at = home(hash);; ++at) {
      Entry& entry = entries_[at & mask_];
      const std::uint64_t there = entry.key.load(std::memory_order_acquire);
      if (there == hash) {
        entry.pins.fetch_add(1, std::memory_order_seq_cst);
        if (entry.key.load(std::memory_order_seq_cst) == hash && entry.name_bytes == name.size() &&
            std::memcmp(names + entry.offset, name.data(), name.size()) == 0) {
          return &entry;
        }
        unpin(entry);
      } else if (there == vacant) {
        return nullptr;
      }
    }
  }

  static void unpin(Entry& entry) { entry.pins.fetch_sub(1, std::memory_order_release); }

  /// Removes the entry; true if there is no reader, so that its memory may be reused.
  bool erase(std::uint64_t key) {
    for (std::uint64_t at = home(key);; ++at) {
      Entry& entry = entries_[at & mask_];
      const std::uint64_t there = entry.key.load(std::memory_order_relaxed);
      if (there == key) {
        entry.key.store(erased, std::memory_order_seq_cst);
        return entry.pins.load(std::memory_order_seq_cst) == 0;
      }
      if (there == vacant) {
        return false;
      }
    }
  }

 private:
  [[nodiscard]] static std::uint64_t home(std::uint64_t key) {
    return detail::fold_multiply(key, 0x9E3779B97F4A7C15U);
  }

  Entry* entries_;
  std::uint64_t mask_;
};

}  // namespace locum::bench
