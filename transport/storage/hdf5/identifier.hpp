#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <utility>

namespace locum::storage {

/// Owns an HDF5 identifier, and closes it. HDF5 is called by one thread at a time.
class Identifier {
 public:
  using Close = herr_t (*)(hid_t);

  Identifier() = default;
  /// Throws Error `system`, with HDF5's own text, if `id` says that the call which returned it failed.
  /// `what`: what was tried, "opening the file 'x'".
  Identifier(hid_t id, Close how, const std::string& what);
  Identifier(const Identifier&) = delete;
  Identifier& operator=(const Identifier&) = delete;
  Identifier(Identifier&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Identifier& operator=(Identifier&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Identifier() {
    if (id_ >= 0) {
      close_(id_);
    }
  }

  [[nodiscard]] hid_t get() const noexcept { return id_; }
  /// Closes it now, and throws if that fails: what a file has in memory is written then.
  void close(const std::string& what);

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// Throws Error `system`, with HDF5's own text, if `status` is negative.
void check(long long status, const std::string& what);

/// The size of an open file. What a dataset in it says of its own size may be more than that.
[[nodiscard]] std::uint64_t bytes_of_file(const Identifier& file);

/// HDF5 prints each error on stderr: not while one of these lives.
class QuietErrors {
 public:
  QuietErrors();
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors();

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace locum::storage
