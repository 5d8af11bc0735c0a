#include "transport/storage/zip/zip_inflater.hpp"

#include <algorithm>
#include <string>

namespace locum::storage {

Error ZipInflater::wrong(const char* reason) const {
  return Error(Errc::corrupt,
               "at byte " + std::to_string(at_ - stream_.avail_in) + ": the deflated bytes of the member " +
                   reason + "; the file is damaged",
               stream_.msg == nullptr ? "" : stream_.msg);
}

Result<void> ZipInflater::begin() {
  if (has_begun_) {
    return {};
  }
  constexpr int without_header = -15;
  if (::inflateInit2(&stream_, without_header) != Z_OK) {
    return no_memory_left();
  }
  has_begun_ = true;
  return {};
}

Result<void> ZipInflater::step(std::byte* into, std::size_t wanted, std::size_t& made) {
  made = 0;
  if (stream_.avail_in == 0 && left_ > 0) {
    const auto piece =
        std::span(input_).first(static_cast<std::size_t>(std::min<std::uint64_t>(input_.size(), left_)));
    if (auto read = file_.read(at_, piece); !read) {
      return read;
    }
    at_ += piece.size();
    left_ -= piece.size();
    stream_.next_in = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_in = static_cast<uInt>(piece.size());
  }
  const auto room = static_cast<uInt>(std::min(wanted, std::size_t{1} << 30U));
  stream_.next_out = reinterpret_cast<Bytef*>(into);
  stream_.avail_out = room;
  const bool is_last = left_ == 0;
  const int state = ::inflate(&stream_, Z_NO_FLUSH);
  made = room - stream_.avail_out;
  switch (state) {
    case Z_OK:
      return {};
    case Z_STREAM_END:
      has_ended_ = true;
      return {};
    case Z_BUF_ERROR:
      return is_last ? Result<void>(wrong("end too early")) : Result<void>();
    case Z_MEM_ERROR:
      return no_memory_left();
    default:
      return wrong("are wrong");
  }
}

Result<void> ZipInflater::next(std::span<std::byte> into) {
  if (auto begun = begin(); !begun) {
    return begun;
  }
  while (!into.empty()) {
    if (has_ended_) {
      return wrong("become fewer than the archive says");
    }
    std::size_t made = 0;
    if (auto stepped = step(into.data(), into.size(), made); !stepped) {
      return stepped;
    }
    into = into.subspan(made);
  }
  return {};
}

Result<void> ZipInflater::finish() {
  if (auto begun = begin(); !begun) {
    return begun;
  }
  while (!has_ended_) {
    std::byte more{};
    std::size_t made = 0;
    if (auto stepped = step(&more, 1, made); !stepped) {
      return stepped;
    }
    if (made > 0) {
      return wrong("become more than the archive says");
    }
  }
  return left_ == 0 && stream_.avail_in == 0 ? Result<void>()
                                             : wrong("end before those that the archive gives them");
}

}  // namespace locum::storage
