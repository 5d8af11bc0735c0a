#include "transport/storage/zip/gzip_inflater.hpp"

#include <algorithm>
#include <string>

namespace locum::storage {

namespace {

constexpr int gzip_window_bits = 15 + 16;
constexpr int blocks_window_bits = -15;
constexpr std::size_t gzip_window_bytes = std::size_t{1} << 15U;
/// Of the sum and the size behind the blocks of a member.
constexpr int gzip_end_bytes = 8;

}  // namespace

Error GzipInflater::damaged(const char* reason) const {
  return Error(Errc::corrupt,
               "at byte " + std::to_string(coded_ - stream_.avail_in) + " of the file of gzip: " + reason +
                   "; the file is damaged, or was cut off",
               stream_.msg == nullptr ? "" : stream_.msg);
}

Result<void> GzipInflater::feed() {
  if (stream_.avail_in > 0 || coded_ == file_.size_bytes()) {
    return {};
  }
  const auto piece = std::span(input_).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(input_.size(), file_.size_bytes() - coded_)));
  auto read = file_.read(coded_, piece);
  if (read) {
    coded_ += piece.size();
    stream_.next_in = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_in = static_cast<uInt>(piece.size());
  }
  return read;
}

Result<void> GzipInflater::seek(const GzipPlace& place) {
  is_raw_ = place.plain > 0;
  const int bits = is_raw_ ? blocks_window_bits : gzip_window_bits;
  stream_.avail_in = 0;
  if ((has_begun_ ? ::inflateReset2(&stream_, bits) : ::inflateInit2(&stream_, bits)) != Z_OK) {
    return no_memory_left();
  }
  has_begun_ = true;
  has_ended_ = is_between_ = false;
  plain_ = place.plain;
  coded_ = place.coded;
  if (place.bits > 0) {
    --coded_;
    if (auto fed = feed(); !fed) {
      return fed;
    }
    const unsigned byte = *stream_.next_in++;
    --stream_.avail_in;
    (void)::inflatePrime(&stream_, static_cast<int>(place.bits), static_cast<int>(byte >> (8 - place.bits)));
  }
  if (is_raw_) {
    (void)::inflateSetDictionary(&stream_, reinterpret_cast<const Bytef*>(place.window.data()),
                                 static_cast<uInt>(place.window.size()));
  }
  return {};
}

GzipPlace GzipInflater::place() {
  GzipPlace place{.coded = coded_ - stream_.avail_in,
                  .plain = plain_,
                  .bits = static_cast<unsigned>(stream_.data_type) & 7U,
                  .window = std::vector<std::byte>(gzip_window_bytes)};
  uInt size = 0;
  (void)::inflateGetDictionary(&stream_, reinterpret_cast<Bytef*>(place.window.data()), &size);
  place.window.resize(size);
  place.window.shrink_to_fit();
  return place;
}

Result<void> GzipInflater::end_member() {
  for (int left = is_raw_ ? gzip_end_bytes : 0; left > 0;) {
    if (auto fed = feed(); !fed || is_used_up()) {
      return fed ? damaged("it ends within the sum of a member") : fed;
    }
    const auto skipped = std::min(static_cast<uInt>(left), stream_.avail_in);
    stream_.next_in += skipped;
    stream_.avail_in -= skipped;
    left -= static_cast<int>(skipped);
  }
  // Behind the last member there may be zeros, which fill up a block of a tape.
  bool has_zeros = false;
  for (;;) {
    if (auto fed = feed(); !fed) {
      return fed;
    }
    if (is_used_up()) {
      has_ended_ = true;
      return {};
    }
    if (*stream_.next_in != 0) {
      break;
    }
    has_zeros = true;
    ++stream_.next_in;
    --stream_.avail_in;
  }
  if (has_zeros) {
    return damaged("bytes that are neither zeros nor a member follow the last member");
  }
  is_raw_ = false;
  return ::inflateReset2(&stream_, gzip_window_bits) == Z_OK ? Result<void>() : no_memory_left();
}

Result<std::size_t> GzipInflater::next(std::span<std::byte> into, bool stops_between) {
  constexpr std::size_t most_at_once = std::size_t{1} << 30U;
  std::size_t made = 0;
  is_between_ = false;
  while (made < into.size() && !has_ended_) {
    if (auto fed = feed(); !fed) {
      return fed.error();
    }
    const bool is_last = is_used_up();
    const auto room = static_cast<uInt>(std::min(into.size() - made, most_at_once));
    stream_.next_out = reinterpret_cast<Bytef*>(into.data() + made);
    stream_.avail_out = room;
    const int state = ::inflate(&stream_, Z_BLOCK);
    const std::size_t got = room - stream_.avail_out;
    made += got;
    plain_ += got;
    if (state == Z_STREAM_END) {
      if (auto ended = end_member(); !ended) {
        return ended.error();
      }
      continue;
    }
    if (state == Z_MEM_ERROR) {
      return no_memory_left();
    }
    if (state == Z_BUF_ERROR && is_last) {
      return damaged("it ends too early");
    }
    if (state != Z_OK && state != Z_BUF_ERROR) {
      return damaged("its bytes cannot be inflated");
    }
    constexpr unsigned is_last_block = 64;
    constexpr unsigned is_end_of_block = 128;
    const auto told = static_cast<unsigned>(stream_.data_type);
    if (stops_between && (told & is_end_of_block) != 0 && (told & is_last_block) == 0) {
      is_between_ = true;
      break;
    }
  }
  return made;
}

}  // namespace locum::storage
