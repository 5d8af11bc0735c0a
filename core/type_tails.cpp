#include "core/type_tails.hpp"

#include <utility>

#include "core/object_tail.hpp"

namespace locum {

namespace {

// Tails are cut from blocks of this size, which every arena hands out without rounding.
constexpr std::uint64_t block_bytes = 4096;
constexpr std::uint64_t longest_name_bytes = 1024;
// The first bytes of a block stay unused: an object that ends where the block begins could else be taken for
// one that has the first tail behind it.
constexpr std::uint64_t unused_bytes = 16;

bool size_tells_extents(const ObjectMeta& meta, std::uint64_t size_bytes) {
  return meta.extents.rank == 0 ||
         (meta.extents.rank == 1 && meta.element_bytes != 0 && size_bytes % meta.element_bytes == 0 &&
          meta.extents.values[0] == size_bytes / meta.element_bytes);
}

}  // namespace

std::uint64_t TypeTails::of(const ObjectMeta& meta, std::uint64_t size_bytes) {
  if (!meta.name.empty() || meta.type_name.size() > longest_name_bytes ||
      !size_tells_extents(meta, size_bytes)) {
    return 0;
  }
  const MutexLock lock(mutex_);
  const auto known = by_type_hash_.find(meta.type_hash);
  if (known == by_type_hash_.end()) {
    return write(meta);
  }
  const Tail& tail = known->second;
  const bool same = tail.element_bytes == meta.element_bytes && tail.type_name == meta.type_name;
  return same ? tail.offset : 0;
}

std::uint64_t TypeTails::write(const ObjectMeta& meta) {
  ObjectRecord shape;
  shape.type_name_bytes = static_cast<std::uint16_t>(meta.type_name.size());
  const std::uint64_t bytes = shape.block_bytes();
  if (left_bytes_ < bytes) {
    const auto block = arena_->allocate(block_bytes);
    if (!block) {
      return 0;
    }
    next_offset_ = block->offset + unused_bytes;
    left_bytes_ = block_bytes - unused_bytes;
    taken_bytes_ += block_bytes;
  }
  const std::uint64_t offset = next_offset_;
  by_type_hash_.emplace(meta.type_hash, Tail{offset, meta.element_bytes, std::string(meta.type_name)});
  next_offset_ += bytes;
  left_bytes_ -= bytes;
  write_tail(arena_->data(offset), shape, {meta.element_bytes, {}, meta.type_name, {}});
  return offset;
}

std::uint64_t TypeTails::arena_bytes() const {
  const MutexLock lock(mutex_);
  return taken_bytes_;
}

}  // namespace locum
