#include "transport/storage/formats/h5/h5_input.hpp"

#include <limits>
#include <new>

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
    }
    return done.has_value();
  } catch (const std::bad_alloc&) {
    return false;
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
