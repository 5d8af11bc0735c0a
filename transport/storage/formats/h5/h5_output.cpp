#include "transport/storage/formats/h5/h5_output.hpp"

#include <algorithm>
#include <new>

namespace locum::storage {

bool H5Output::read(H5FD_mem_t /*kind*/, std::uint64_t offset, std::span<std::byte> into) noexcept {
  while (!into.empty()) {
    const auto page = pages_.find(offset / page_bytes);
    const std::uint64_t within = offset % page_bytes;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), page_bytes - within));
    if (page == pages_.end()) {
      return false;  // elements, which HDF5 does not read again
    }
    std::copy_n(page->second.begin() + static_cast<std::ptrdiff_t>(within), count, into.begin());
    into = into.subspan(count);
    offset += count;
  }
  return true;
}

bool H5Output::write(H5FD_mem_t kind, std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  try {
    if (kind != H5FD_MEM_DRAW || keeps_elements_) {
      keep(offset, bytes);
    }
    put(offset, bytes);
  } catch (const std::bad_alloc&) {
    failure_ = no_memory_left();
  }
  return true;
}

bool H5Output::extend(std::uint64_t size_bytes) noexcept {
  try {
    if (!failure_) {
      if (auto done = fill_up_to(size_bytes); !done) {
        failure_ = done.error();
      }
    }
  } catch (const std::bad_alloc&) {
    failure_ = no_memory_left();
  }
  return true;
}

void H5Output::put(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (failure_) {
    return;
  }
  if (auto done = put_now(offset, bytes); !done) {
    failure_ = done.error();
  }
}

void H5Output::keep(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    Page& page = pages_[offset / page_bytes];
    const std::uint64_t within = offset % page_bytes;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), page_bytes - within));
    std::copy_n(bytes.begin(), count, page.begin() + static_cast<std::ptrdiff_t>(within));
    bytes = bytes.subspan(count);
    offset += count;
  }
}

Result<void> H5Output::put_now(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (auto filled = fill_up_to(offset); !filled) {
    return filled;
  }
  const auto replaced =
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), draft_.size_bytes() - offset));
  if (replaced > 0) {
    if (auto done = draft_.write_at(offset, bytes.first(replaced)); !done) {
      return done;
    }
  }
  return replaced < bytes.size() ? draft_.write(bytes.subspan(replaced)) : Result<void>();
}

Result<void> H5Output::fill_up_to(std::uint64_t size_bytes) {
  constexpr Page zeros{};
  while (draft_.size_bytes() < size_bytes) {
    const std::uint64_t gap = std::min<std::uint64_t>(size_bytes - draft_.size_bytes(), zeros.size());
    if (auto done = draft_.write(std::span(zeros).first(static_cast<std::size_t>(gap))); !done) {
      return done;
    }
  }
  return {};
}

}  // namespace locum::storage
