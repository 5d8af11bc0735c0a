#include "transport/storage/formats/tiff/tiff_output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <utility>

namespace locum::storage {

Result<void> TiffOutput::open(bool is_big) {
  const TiffOpenOptions options = tiff_open_options(messages_);
  handle_.reset(::TIFFClientOpenExt("the file", is_big ? "w8m" : "w4m", this, &TiffOutput::read,
                                    &TiffOutput::write, &TiffOutput::seek, &TiffOutput::close,
                                    &TiffOutput::size, nullptr, nullptr, options.get()));
  if (!handle_) {
    return error(Errc::system, "libtiff cannot begin a file");
  }
  is_keeping_ = false;
  return {};
}

Result<void> TiffOutput::write_directory() {
  is_keeping_ = true;
  const bool is_written = ::TIFFWriteDirectory(handle_.get()) == 1;
  is_keeping_ = false;
  if (!is_written) {
    return error(Errc::system, "libtiff cannot write the directory of a page");
  }
  return {};
}

Error TiffOutput::error(Errc code, std::string text) const {
  return failure_ ? *failure_ : messages_.error(code, std::move(text));
}

TiffOutput::Kept* TiffOutput::kept_at(std::uint64_t at) noexcept {
  const auto behind = std::ranges::upper_bound(kept_, at, {}, &Kept::at);
  if (behind == kept_.begin() || at - std::prev(behind)->at >= std::prev(behind)->bytes.size()) {
    return nullptr;
  }
  return &*std::prev(behind);
}

Result<void> TiffOutput::append(std::span<const std::byte> bytes) {
  const std::uint64_t at = draft_.size_bytes();
  if (is_keeping_ && !kept_.empty() && kept_.back().at + kept_.back().bytes.size() == at) {
    kept_.back().bytes.insert(kept_.back().bytes.end(), bytes.begin(), bytes.end());
  } else if (is_keeping_) {
    kept_.push_back({at, {bytes.begin(), bytes.end()}});
  }
  return draft_.write(bytes);
}

Result<void> TiffOutput::write_now(std::span<const std::byte> bytes) {
  constexpr std::array<std::byte, 4096> zeros{};
  while (position_ > draft_.size_bytes()) {  // libtiff writes values before the directory in front of them
    const std::uint64_t gap = std::min<std::uint64_t>(position_ - draft_.size_bytes(), zeros.size());
    if (auto filled = append(std::span(zeros).first(static_cast<std::size_t>(gap))); !filled) {
      return filled;
    }
  }
  const std::uint64_t written = draft_.size_bytes();
  const auto replaced = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), written - position_));
  if (replaced > 0) {
    if (Kept* const kept = kept_at(position_); kept != nullptr) {
      const auto offset = static_cast<std::size_t>(position_ - kept->at);
      std::ranges::copy(bytes.first(std::min(replaced, kept->bytes.size() - offset)),
                        kept->bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    if (auto done = draft_.write_at(position_, bytes.first(replaced)); !done) {
      return done;
    }
  }
  const std::span<const std::byte> appended = bytes.subspan(replaced);
  return appended.empty() ? Result<void>() : append(appended);
}

tmsize_t TiffOutput::read(thandle_t self, void* into, tmsize_t bytes) noexcept {
  auto& output = *static_cast<TiffOutput*>(self);
  const Kept* const kept = output.kept_at(output.position_);
  if (kept == nullptr || bytes < 0) {
    return -1;
  }
  const auto offset = static_cast<std::size_t>(output.position_ - kept->at);
  const std::size_t count = std::min(static_cast<std::size_t>(bytes), kept->bytes.size() - offset);
  std::copy_n(kept->bytes.data() + offset, count, static_cast<std::byte*>(into));
  output.position_ += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t TiffOutput::write(thandle_t self, void* from, tmsize_t bytes) noexcept {
  auto& output = *static_cast<TiffOutput*>(self);
  if (output.failure_ || bytes < 0) {
    return -1;
  }
  try {
    auto done = output.write_now({static_cast<const std::byte*>(from), static_cast<std::size_t>(bytes)});
    if (!done) {
      output.failure_ = done.error();
      return -1;
    }
  } catch (const std::bad_alloc&) {
    output.failure_ = no_memory_left();
    return -1;
  }
  output.position_ += static_cast<std::uint64_t>(bytes);
  return bytes;
}

toff_t TiffOutput::seek(thandle_t self, toff_t offset, int whence) noexcept {
  auto& output = *static_cast<TiffOutput*>(self);
  const std::uint64_t from = whence == SEEK_CUR   ? output.position_
                             : whence == SEEK_END ? output.draft_.size_bytes()
                                                  : 0;
  output.position_ = from + offset;
  return output.position_;
}

int TiffOutput::close(thandle_t) noexcept {
  return 0;
}

toff_t TiffOutput::size(thandle_t self) noexcept {
  return static_cast<TiffOutput*>(self)->draft_.size_bytes();
}

}  // namespace locum::storage
