#include "transport/storage/shards/formats/foreign_file.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

namespace {

/// The bytes of a file as they are.
class BytesOfFile final : public PlainBytes {
 public:
  explicit BytesOfFile(std::shared_ptr<AreaFile> file) : file_(std::move(file)) {}

  [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    const std::uint64_t size = file_->size_bytes();
    const std::uint64_t left = offset < size ? size - offset : 0;
    const auto piece = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
    auto done = piece.empty() ? Result<void>() : file_->read(offset, piece);
    return done ? Result<std::size_t>(piece.size()) : done.error();
  }

 private:
  const std::shared_ptr<AreaFile> file_;
};

}  // namespace

ForeignFile::ForeignFile(std::shared_ptr<AreaFile> file, std::shared_ptr<PlainBytes> plain, std::string path)
    : file_(std::move(file)),
      plain_(plain ? std::move(plain) : std::make_shared<BytesOfFile>(file_)),
      path_(std::move(path)) {}

Result<ForeignFile> ForeignFile::open(FileArea& area, const std::string& path, bool is_gzip) {
  auto opened = area.open(path, {});
  if (!opened) {
    return opened.error().about(path);
  }
  const std::shared_ptr<AreaFile> file(std::move(*opened));
  if (!is_gzip) {
    return ForeignFile(file, nullptr, path);
  }
  auto plain = open_gzip_bytes(file);
  return plain ? Result<ForeignFile>(ForeignFile(file, std::move(*plain), path)) : plain.error().about(path);
}

Result<std::vector<std::byte>> ForeignFile::read(std::uint64_t offset, std::uint64_t size_bytes) const {
  return guarded([&]() -> Result<std::vector<std::byte>> {
    if (size_bytes > most_sample_bytes) {
      return Error(Errc::unsupported, "at byte " + std::to_string(offset) + ": the sample has " +
                                          std::to_string(size_bytes) +
                                          " bytes; at most 1 GiB is read; write smaller samples");
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(size_bytes));
    const auto got = plain_->read(offset, bytes);
    if (auto unchanged = check_unchanged(); !unchanged) {
      return unchanged.error();
    }
    if (!got) {
      return got.error();
    }
    if (*got < bytes.size()) {
      return Error(Errc::corrupt, "the bytes end at byte " + std::to_string(offset + *got) + ", where " +
                                      std::to_string(bytes.size() - *got) +
                                      " more are expected; the file was cut off");
    }
    return bytes;
  });
}

Result<void> ForeignFile::check_unchanged() const {
  return file_->is_unchanged()
             ? Result<void>()
             : Error(Errc::stale, "the file was changed in place since it was opened; open the shard again");
}

Error ForeignFile::wrong(const Error& error) const {
  return error.about(path_);
}

Error ForeignFile::wrong(std::uint64_t sample, const Error& error) const {
  return Error(error.code(), "sample " + std::to_string(sample) + ": " + error.text(), error.detail())
      .about(path_);
}

Result<void> ShardCursor::fill(std::uint64_t at) {
  if (Deadline::Clock::now() >= end_) {
    return deadline_passed("the shard was not read to its end in time, to find its samples");
  }
  const auto got = bytes_.read(at, buffer_);
  begin_ = at;
  used_ = 0;
  filled_ = got.value_or(0);
  return got ? Result<void>() : Result<void>(got.error());
}

Result<std::span<const std::byte>> ShardCursor::peek(std::size_t least, std::size_t most) {
  if (filled_ - used_ < least && (filled_ == 0 || filled_ == buffer_.size())) {
    if (auto filled = fill(at()); !filled) {
      return filled.error();
    }
  }
  return std::span<const std::byte>(buffer_).subspan(used_, std::min(most, filled_ - used_));
}

Result<bool> ShardCursor::skip(std::uint64_t count) {
  const std::size_t left = filled_ - used_;
  if (count > left) {
    if (count > std::numeric_limits<std::uint64_t>::max() - at()) {
      return false;
    }
    // Whether there are so many, the last one of them tells.
    if (auto filled = fill(at() + count - 1); !filled) {
      return filled.error();
    }
    if (filled_ == 0) {
      return false;
    }
    count = 1;
  }
  used_ += static_cast<std::size_t>(count);
  return true;
}

}  // namespace locum::storage
