#include "transport/storage/formats/torch/pickle_writer.hpp"

#include <bit>
#include <limits>
#include <utility>

#include "transport/storage/formats/torch/pickle_codes.hpp"

namespace locum::storage {

PickleWriter::PickleWriter() {
  instruction(pickle::proto);
  instruction(2);
}

void PickleWriter::number(std::uint64_t value, std::size_t bytes) {
  for (std::size_t byte = 0; byte < bytes; ++byte) {
    bytes_.push_back(static_cast<char>(value >> 8 * byte & 0xFFU));
  }
}

void PickleWriter::none() {
  instruction(pickle::none);
}

void PickleWriter::boolean(bool value) {
  instruction(value ? pickle::new_true : pickle::new_false);
}

void PickleWriter::integer(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0 && value <= 0xFF) {
    instruction(pickle::bin_int1);
    number(bits, 1);
  } else if (value >= 0 && value <= 0xFFFF) {
    instruction(pickle::bin_int2);
    number(bits, 2);
  } else if (value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max()) {
    instruction(pickle::bin_int);
    number(bits, 4);
  } else {
    instruction(pickle::long1);
    number(8, 1);
    number(bits, 8);
  }
}

void PickleWriter::natural(std::uint64_t value) {
  if (value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return integer(static_cast<std::int64_t>(value));
  }
  instruction(pickle::long1);
  number(9, 1);
  number(value, 8);
  number(0, 1);
}

void PickleWriter::real(double value) {
  instruction(pickle::bin_float);
  number(__builtin_bswap64(std::bit_cast<std::uint64_t>(value)), 8);
}

void PickleWriter::text(std::string_view value) {
  instruction(pickle::bin_unicode);
  number(value.size(), 4);
  bytes_.append(value);
}

void PickleWriter::global(std::string_view module, std::string_view name) {
  instruction(pickle::global);
  bytes_.append(module).append("\n").append(name).append("\n");
}

std::string PickleWriter::finish() && {
  instruction(pickle::stop);
  return std::move(bytes_);
}

}  // namespace locum::storage
