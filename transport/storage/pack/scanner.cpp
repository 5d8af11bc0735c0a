#include "transport/storage/pack/scanner.hpp"

#include <algorithm>

#include "core/base/checksum.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t most_buffered = std::uint64_t{256} << 10U;
constexpr std::uint64_t least_buffered = 4096;

}  // namespace

// Fewer at the end of the file. Behind a long body little is read at first: another one may follow.
Result<std::span<const std::byte>> PackScanner::bytes_at(std::uint64_t position, std::uint64_t count) {
  count = std::min(count, size_ - std::min(position, size_));
  if (position < buffered_from_ || position + count > buffered_from_ + buffered_) {
    const bool follows = position >= buffered_from_ && position <= buffered_from_ + buffered_;
    const std::uint64_t wanted = std::max(count, follows ? most_buffered : least_buffered);
    buffer_.resize(std::max<std::size_t>(buffer_.size(), wanted));
    const auto read = file_.read(position, std::span(buffer_).first(std::min(wanted, size_ - position)));
    if (!read) {
      return read.error();
    }
    buffered_from_ = position;
    buffered_ = *read;
    count = std::min(count, buffered_);  // somebody may have shortened it
  }
  return std::span(buffer_).subspan(position - buffered_from_, count);
}

Result<std::optional<PackScanner::Found>> PackScanner::at_position() {
  if (position_ >= size_) {
    stop_ = Stop::end;
    return std::nullopt;
  }
  const auto line = bytes_at(position_, pack_line_bytes);
  if (!line) {
    return line.error();
  }
  const auto record = read_pack_record(*line, salt_, position_);
  if (!record) {
    stop_ = line->size() < pack_line_bytes ? Stop::incomplete : Stop::invalid;
    return std::nullopt;
  }
  const auto texts = bytes_at(position_ + pack_line_bytes, record->text_bytes());
  if (!texts) {
    return texts.error();
  }
  if (texts->size() < record->text_bytes()) {
    stop_ = Stop::incomplete;
    return std::nullopt;
  }
  if (checksum(*texts) != record->text_checksum) {
    stop_ = Stop::invalid;
    return std::nullopt;
  }
  if (record->end() > size_) {
    stop_ = Stop::incomplete;
    return std::nullopt;
  }
  const std::string_view both(reinterpret_cast<const char*>(texts->data()), texts->size());
  return Found{*record, both.substr(0, record->space_bytes), both.substr(record->space_bytes)};
}

Result<std::optional<PackScanner::Found>> PackScanner::next() {
  auto found = at_position();
  if (found && *found) {
    position_ = (*found)->record.end();
  }
  return found;
}

Result<bool> PackScanner::skip() {
  while (position_ < size_) {
    position_ += pack_line_bytes;
    const auto found = at_position();
    if (!found) {
      return found.error();
    }
    if (*found) {
      return true;
    }
  }
  return false;
}

Result<bool> PackScanner::has_right_body(const PackFile& file, const PackRecord& record) {
  std::vector<std::byte> piece(std::min<std::uint64_t>(record.body_bytes, 4 * most_buffered));
  std::uint32_t sum = 0;
  for (std::uint64_t done = 0; done < record.body_bytes;) {
    const auto wanted =
        std::span(piece).first(std::min<std::uint64_t>(piece.size(), record.body_bytes - done));
    const auto read = file.read(record.body_at() + done, wanted);
    if (!read) {
      return read.error();
    }
    if (*read < wanted.size()) {
      return false;
    }
    sum = checksum(wanted, sum);
    done += wanted.size();
  }
  return sum == record.body_checksum;
}

}  // namespace locum::storage
