#include "transport/storage/formats/h5/h5_input.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <string>
#include <string_view>

#include "transport/storage/formats/h5/h5_heap.hpp"

namespace locum::storage {

namespace {

// HDF5 reads most metadata once, and some again when it had to make room in its cache.
constexpr std::uint64_t h5_times_read = 16;
constexpr std::uint64_t h5_least_read = std::uint64_t{4} << 20U;

std::uint64_t h5_budget_of(std::uint64_t file_bytes) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 2;
  return file_bytes < most / h5_times_read ? file_bytes * h5_times_read + h5_least_read : most;
}

}  // namespace

H5Input::H5Input(FileBytes& file) : file_(file), left_(h5_budget_of(file.size_bytes())) {}

bool H5Input::read(H5FD_mem_t kind, std::uint64_t offset, std::span<std::byte> into) noexcept {
  if (failure_) {
    return false;
  }
  try {
    if (offset > size_bytes() || into.size() > size_bytes() - offset) {
      // Not kept as the reason: HDF5 may ask for more than there is, and do with less.
      return false;
    }
    if (kind != H5FD_MEM_DRAW) {
      if (into.size() > left_) {
        failure_ = Error(Errc::corrupt,
                         "the structure of the file leads to the same bytes again and again; it is damaged, "
                         "or made to keep its reader busy");
        return false;
      }
      left_ -= into.size();
    }
    auto done = file_.read(offset, into);
    if (!done) {
      failure_ = done.error();
    } else if (kind == H5FD_MEM_SUPER) {
      learn_lengths(into);
    } else if (kind == H5FD_MEM_DRAW && !h5_heap_is_sound(into, length_bytes_)) {  // as HDF5 reads heaps
      failure_ =
          Error(Errc::corrupt, "at byte " + std::to_string(offset) +
                                   ": a heap of texts contradicts itself; use another copy of the file");
    }
    return !failure_;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void H5Input::learn_lengths(std::span<const std::byte> superblock) noexcept {
  constexpr std::string_view signature("\211HDF\r\n\032\n", 8);
  if (superblock.size() > 14 &&
      std::ranges::equal(std::as_bytes(std::span(signature)), superblock.first(signature.size()))) {
    length_bytes_ = std::to_integer<std::size_t>(superblock[superblock[8] < std::byte{2} ? 14 : 10]);
  }
}

Error H5Input::error(const Error& found) const {
  if (failure_) {
    return *failure_;
  }
  if (found.code() != Errc::system) {
    return found;
  }
  return Error(Errc::corrupt, found.text() + ": the file is damaged or incomplete; use another copy of it",
               found.detail());
}

// Where plugins are switched off by the environment, both calls change nothing.
NoH5Plugins::NoH5Plugins() {
  check(H5PLget_loading_state(&before_), "asking for the plugins of HDF5");
  check(H5PLset_loading_state(0), "switching off the plugins of HDF5");
}

NoH5Plugins::~NoH5Plugins() {
  H5PLset_loading_state(before_);
}

}  // namespace locum::storage
