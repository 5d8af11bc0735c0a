#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/tiff/tiff_handle.hpp"

namespace locum::storage {

/// A TIFF file that libtiff reads out of a FileBytes. Its address is given to libtiff: it may not move. What
/// libtiff may read is limited, in bytes, to a multiple of the file's size: directories that name the same
/// bytes again and again would keep it busy for hours.
class TiffInput {
 public:
  /// Call open() next. \param file lives longer
  explicit TiffInput(FileBytes& file);
  TiffInput(const TiffInput&) = delete;
  TiffInput& operator=(const TiffInput&) = delete;
  ~TiffInput() = default;

  /// Opens the file and reads its first directory. `corrupt` if it is not of TIFF.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] TIFF* handle() const noexcept { return handle_.get(); }
  [[nodiscard]] FileBytes& file() const noexcept { return file_; }
  [[nodiscard]] TiffMessages& messages() noexcept { return messages_; }
  /// Returns the error of the file if it could not be read, else one with the messages of libtiff.
  [[nodiscard]] Error error(Errc code, std::string text) const;

 private:
  static tmsize_t read(thandle_t self, void* into, tmsize_t bytes) noexcept;
  static tmsize_t write(thandle_t self, void* from, tmsize_t bytes) noexcept;
  static toff_t seek(thandle_t self, toff_t offset, int whence) noexcept;
  static int close(thandle_t self) noexcept;
  static toff_t size(thandle_t self) noexcept;
  [[nodiscard]] bool read_now(std::span<std::byte> into);

  static constexpr std::uint64_t window_bytes = 4096;  ///< of small reads, which come one after another

  FileBytes& file_;
  std::uint64_t position_ = 0;
  std::uint64_t left_;  ///< bytes that libtiff may still read
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
  std::optional<Error> failure_;
  TiffMessages messages_;
  TiffHandle handle_;  ///< last: its end calls the functions above
};

}  // namespace locum::storage
