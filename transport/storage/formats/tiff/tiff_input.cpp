#include "transport/storage/formats/tiff/tiff_input.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <new>
#include <utility>

namespace locum::storage {

namespace {

// Directories are read twice, data once; libtiff looks at some bytes of directories several times.
constexpr std::uint64_t tiff_times_read = 16;
constexpr std::uint64_t tiff_least_read = std::uint64_t{1} << 20U;
// Beyond the file's size, for the tables of codecs and rows.
constexpr std::uint64_t tiff_codec_bytes = std::uint64_t{64} << 20U;

std::uint64_t tiff_budget_of(std::uint64_t file_bytes) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 2;
  return file_bytes < most / tiff_times_read ? file_bytes * tiff_times_read + tiff_least_read : most;
}

}  // namespace

TiffInput::TiffInput(FileBytes& file) : file_(file), left_(tiff_budget_of(file.size_bytes())) {}

Result<void> TiffInput::open() {
  const std::uint64_t file_bytes = file_.size_bytes();
  std::array<char, 4> magic{};
  if (file_bytes < 8) {
    return Error(Errc::corrupt, "the file has " + std::to_string(file_bytes) +
                                    " bytes; one of TIFF has 8 at least: is it complete?");
  }
  if (auto read = file_.read(0, std::as_writable_bytes(std::span(magic))); !read) {
    return read.error();
  }
  const bool is_little = magic[0] == 'I' && magic[1] == 'I';
  const char version = magic[is_little ? 2 : 3];
  if ((!is_little && (magic[0] != 'M' || magic[1] != 'M')) || (version != 42 && version != 43)) {
    return Error(Errc::corrupt,
                 "at byte 0: the file does not begin as those of TIFF do (\"II*\" or \"MM\", \"*\"); is it "
                 "one?");
  }
  const TiffOpenOptions options = tiff_open_options(messages_);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<tmsize_t>::max()) / 2;
  ::TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                        static_cast<tmsize_t>(std::min(file_bytes, most) + tiff_codec_bytes));
  // c: one strip stays one. m: libtiff maps nothing.
  handle_.reset(::TIFFClientOpenExt("the file", "rcm", this, &TiffInput::read, &TiffInput::write,
                                    &TiffInput::seek, &TiffInput::close, &TiffInput::size, nullptr, nullptr,
                                    options.get()));
  if (!handle_) {
    return error(Errc::corrupt, "libtiff cannot read the header or the first directory; is it complete?");
  }
  return {};
}

Error TiffInput::error(Errc code, std::string text) const {
  return failure_ ? *failure_ : messages_.error(code, std::move(text));
}

bool TiffInput::read_now(std::span<std::byte> into) {
  const std::uint64_t size = file_.size_bytes();
  if (into.size() > left_) {
    failure_ = Error(Errc::corrupt,
                     "the directories of the file name the same bytes again and again; it is damaged, or "
                     "made to keep its reader busy");
    return false;
  }
  left_ -= into.size();
  if (into.size() >= window_bytes) {
    auto read = file_.read(position_, into);
    if (!read) {
      failure_ = read.error();
    }
    return read.has_value();
  }
  if (position_ < window_at_ || position_ + into.size() > window_at_ + window_.size()) {
    window_.resize(static_cast<std::size_t>(std::min(window_bytes, size - position_)));
    window_at_ = position_;
    if (auto read = file_.read(position_, window_); !read) {
      window_.clear();
      failure_ = read.error();
      return false;
    }
  }
  std::ranges::copy(std::span(window_).subspan(static_cast<std::size_t>(position_ - window_at_), into.size()),
                    into.begin());
  return true;
}

tmsize_t TiffInput::read(thandle_t self, void* into, tmsize_t bytes) noexcept {
  auto& input = *static_cast<TiffInput*>(self);
  const std::uint64_t size = input.file_.size_bytes();
  if (bytes <= 0 || input.position_ >= size || input.failure_) {
    return input.failure_ ? -1 : 0;
  }
  const std::uint64_t count = std::min(static_cast<std::uint64_t>(bytes), size - input.position_);
  try {
    if (!input.read_now({static_cast<std::byte*>(into), static_cast<std::size_t>(count)})) {
      return -1;
    }
  } catch (const std::bad_alloc&) {
    input.failure_ = no_memory_left();
    return -1;
  }
  input.position_ += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t TiffInput::write(thandle_t, void*, tmsize_t) noexcept {
  return -1;
}

toff_t TiffInput::seek(thandle_t self, toff_t offset, int whence) noexcept {
  auto& input = *static_cast<TiffInput*>(self);
  const std::uint64_t from = whence == SEEK_CUR   ? input.position_
                             : whence == SEEK_END ? input.file_.size_bytes()
                                                  : 0;
  input.position_ = from + offset;  // wraps for negative ones, as it should
  return input.position_;
}

int TiffInput::close(thandle_t) noexcept {
  return 0;
}

toff_t TiffInput::size(thandle_t self) noexcept {
  return static_cast<TiffInput*>(self)->file_.size_bytes();
}

}  // namespace locum::storage
