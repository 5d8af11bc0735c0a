#include "transport/storage/codecs/codec_bytes.hpp"

#include <cstddef>
#include <limits>
#include <utility>

namespace locum::storage {

namespace {

/// Vectors throw another exception than std::bad_alloc for more bytes.
constexpr std::size_t most_bytes_of_vector = std::numeric_limits<std::ptrdiff_t>::max();

}  // namespace

Result<std::vector<std::byte>> bytes_of_size(std::size_t size_bytes) {
  std::vector<std::byte> made;
  auto resized = resize_bytes(made, size_bytes);
  return resized ? Result<std::vector<std::byte>>(std::move(made)) : resized.error();
}

Result<void> resize_bytes(std::vector<std::byte>& bytes, std::size_t size_bytes) {
  return size_bytes <= most_bytes_of_vector && unless_out_of_memory([&] { bytes.resize(size_bytes); })
             ? Result<void>()
             : no_memory_left();
}

Error damaged_code(std::string_view codec, const std::string& reason, std::string detail) {
  return Error(Errc::corrupt,
               std::string(codec) + ": the coded bytes " + reason + "; they are damaged, or of another codec",
               std::move(detail));
}

Error wrong_plain_size(std::string_view codec, std::uint64_t holds, std::uint64_t expected) {
  return damaged_code(
      codec, "hold " + std::to_string(holds) + " bytes, and " + std::to_string(expected) + " are expected");
}

Error too_many_plain_bytes(std::string_view codec, std::uint64_t most) {
  return damaged_code(codec, "hold more than the " + std::to_string(most) + " bytes that are expected");
}

Error too_large_to_encode(std::string_view codec, std::uint64_t size, std::uint64_t most) {
  return Error(Errc::value_too_large, std::string(codec) + ": encodes " + std::to_string(most) +
                                          " bytes at most, and the chunk has " + std::to_string(size) +
                                          "; choose smaller chunks, or another codec");
}

}  // namespace locum::storage
