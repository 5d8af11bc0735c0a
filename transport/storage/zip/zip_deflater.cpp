#include "transport/storage/zip/zip_deflater.hpp"

#include <algorithm>

namespace locum::storage {

Result<void> ZipDeflater::deflate(std::span<const std::byte> bytes, int flush) {
  constexpr int without_header = -15;
  constexpr int memory_level = 8;
  if (!has_begun_ && ::deflateInit2(&stream_, level_, Z_DEFLATED, without_header, memory_level,
                                    Z_DEFAULT_STRATEGY) != Z_OK) {
    return no_memory_left();
  }
  has_begun_ = true;
  do {
    const std::size_t piece = std::min(bytes.size(), std::size_t{1} << 30U);
    // zlib does not change what it reads.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(piece);
    bytes = bytes.subspan(piece);
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
      stream_.avail_out = static_cast<uInt>(output_.size());
      (void)::deflate(&stream_, flush);  // Z_BUF_ERROR: there is nothing to write yet
      const auto made = std::span(output_).first(output_.size() - stream_.avail_out);
      if (auto written = made.empty() ? Result<void>() : file_.write(made); !written) {
        return written;
      }
    } while (stream_.avail_out == 0);
  } while (!bytes.empty());
  return {};
}

}  // namespace locum::storage
