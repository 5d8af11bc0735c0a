#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/arena.hpp"
#include "core/mutex.hpp"
#include "core/object.hpp"

namespace locum {

/// Tails that the unnamed objects of a type share, so that a small object takes no more than its payload:
/// element size and type's name stand once per process, in memory of its arena that is kept until the end.
/// Owned by the cluster; any thread may call.
class TypeTails {
 public:
  explicit TypeTails(std::shared_ptr<Arena> arena) : arena_(std::move(arena)) {}

  /// Offset of the tail of an object that will have `size_bytes`. 0: it needs one of its own, because it has
  /// a name, extents that its size does not tell, a very long type name, or because memory is full.
  [[nodiscard]] std::uint64_t of(const ObjectMeta& meta, std::uint64_t size_bytes) LOCUM_EXCLUDES(mutex_);
  /// What all tails take of the arena.
  [[nodiscard]] std::uint64_t arena_bytes() const LOCUM_EXCLUDES(mutex_);

 private:
  struct Tail {
    std::uint64_t offset = 0;
    std::uint32_t element_bytes = 0;
    std::string type_name;
  };

  [[nodiscard]] std::uint64_t write(const ObjectMeta& meta) LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Arena> arena_;
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, Tail> by_type_hash_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t next_offset_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t left_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t taken_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum
