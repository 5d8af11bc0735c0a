#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/tiff/tiff_handle.hpp"

namespace locum::storage {

/// A TIFF file that libtiff writes to a FileDraft. libtiff reads directories again that it wrote, to link the
/// next one to them: these are kept in memory, the data of images is not. Its address is given to libtiff: it
/// may not move.
class TiffOutput {
 public:
  /// Call open() next. \param draft lives longer
  explicit TiffOutput(FileDraft& draft) : draft_(draft) {}
  TiffOutput(const TiffOutput&) = delete;
  TiffOutput& operator=(const TiffOutput&) = delete;
  ~TiffOutput() = default;

  /// Writes the header. \param is_big whether the file may be larger than 4 GiB (BigTIFF)
  [[nodiscard]] Result<void> open(bool is_big);
  [[nodiscard]] TIFF* handle() const noexcept { return handle_.get(); }
  /// Writes the directory of the page whose data was written.
  [[nodiscard]] Result<void> write_directory();
  /// Returns the error of the draft if it could not be written, else one with the messages of libtiff.
  [[nodiscard]] Error error(Errc code, std::string text) const;

 private:
  /// Bytes of the file that are not data of images.
  struct Kept {
    std::uint64_t at;
    std::vector<std::byte> bytes;
  };

  static tmsize_t read(thandle_t self, void* into, tmsize_t bytes) noexcept;
  static tmsize_t write(thandle_t self, void* from, tmsize_t bytes) noexcept;
  static toff_t seek(thandle_t self, toff_t offset, int whence) noexcept;
  static int close(thandle_t self) noexcept;
  static toff_t size(thandle_t self) noexcept;
  Result<void> write_now(std::span<const std::byte> bytes);
  Result<void> append(std::span<const std::byte> bytes);
  [[nodiscard]] Kept* kept_at(std::uint64_t at) noexcept;

  FileDraft& draft_;
  std::uint64_t position_ = 0;
  bool is_keeping_ = true;
  std::vector<Kept> kept_;  ///< by their places
  std::optional<Error> failure_;
  TiffMessages messages_;
  TiffHandle handle_;  ///< last: its end calls the functions above
};

}  // namespace locum::storage
